/*
 * What is measured, in the words of operators: Chinese and English names of the quantities that
 * profiles use.
 *
 * A new quantity is a row; one that is not here is called by its key. Threads: any; constant.
 */
#ifndef LL_MODEL_QUANTITY_H
#define LL_MODEL_QUANTITY_H

struct quantity {
    const char *key; /* "methane", as profiles write it */
    const char *name_en;
    const char *name_zh;
};

/* The row for a key, or NULL. */
const struct quantity *quantity_find(const char *key);

#endif
