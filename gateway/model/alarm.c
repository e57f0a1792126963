#include "gateway/model/alarm.h"

const char *const alarm_state_keys[ALARM_STATE_COUNT] = {
    [ALARM_NORMAL] = "normal",
    [ALARM_UNACK] = "unacknowledged",
    [ALARM_ACKED] = "acknowledged",
    [ALARM_RTN_UNACK] = "rtn_unacknowledged",
};
