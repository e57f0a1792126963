/*
 * The sockets that the console listens on. Made here and not by the HTTP library, so that the Unix
 * socket's owner, mode and replacement are ours.
 *
 * Threads: the one that starts the console. What failed is logged here, since only the steps inside
 * know it.
 */
#ifndef LL_CONSOLE_LISTEN_H
#define LL_CONSOLE_LISTEN_H

#include "gateway/base/err.h"

/* Mode 0660 and, where `group` is not "", that group, before the first client can connect. A socket
 * that nobody answers on is replaced; LL_EBUSY where somebody does, LL_EEXIST where the path is
 * something other than a socket. */
ll_err listen_unix(const char *path, const char *group, int *fd_out);

/* "127.0.0.1:9464", "[::1]:9464": numbers only, so that start never waits for a name server. Port
 * 0: any free one; *port_out gets the one in use. */
ll_err listen_tcp(const char *address, int *fd_out, unsigned *port_out);

#endif
