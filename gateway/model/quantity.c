#include "gateway/model/quantity.h"

#include <stddef.h>
#include <string.h>

static const struct quantity quantities[] = {
    {"acceleration", "acceleration", "加速度"},
    {"acidity", "pH", "酸碱度"},
    {"ammonia", "ammonia", "氨气"},
    {"battery", "battery voltage", "电池电压"},
    {"broker_away", "broker away", "消息服务器中断"},
    {"cap", "cap", "栓帽"},
    {"carbon_monoxide", "carbon monoxide", "一氧化碳"},
    {"clock_unset", "clock unset", "时钟未校准"},
    {"convergence", "convergence", "收敛变形"},
    {"count", "count", "计数"},
    {"cover", "cover", "井盖"},
    {"current", "current", "电流"},
    {"database_away", "database away", "数据库中断"},
    {"database_refused", "access refused by the database", "数据库拒绝写入"},
    {"deflection", "deflection", "挠度"},
    {"disk_free", "free disk space", "磁盘剩余空间"},
    {"disk_write_day", "disk writes per day", "每日磁盘写入量"},
    {"distance", "distance", "距离"},
    {"door", "door", "门"},
    {"entrapment", "entrapment", "困人"},
    {"evicted", "readings given up", "已舍弃数据"},
    {"fill", "fill level", "满载度"},
    {"floor", "floor", "楼层"},
    {"flow", "flow", "流量"},
    {"free_chlorine", "free chlorine", "余氯"},
    {"frequency", "frequency", "频率"},
    {"head", "head", "水头"},
    {"hydrogen_sulfide", "hydrogen sulfide", "硫化氢"},
    {"immersion", "immersion", "浸水"},
    {"in_flight", "readings on their way", "待发送数据"},
    {"intake_size", "intake journal", "接收日志大小"},
    {"level", "level", "液位"},
    {"levelling", "levelling error", "平层误差"},
    {"log_damage", "damage in the logs", "日志损坏"},
    {"mass", "mass", "质量"},
    {"memory", "memory", "内存占用"},
    {"methane", "methane", "甲烷"},
    {"moving_door_open", "moving with the door open", "开门走梯"},
    {"noise", "leak noise", "漏水噪声"},
    {"occupancy", "occupancy", "轿厢载人"},
    {"overtravel", "overtravel", "冲顶或蹲底"},
    {"oxygen", "oxygen", "氧气"},
    {"power", "power", "功率"},
    {"pressure", "pressure", "压力"},
    {"running", "running", "运行"},
    {"signal", "signal strength", "信号强度"},
    {"speed", "speed", "速度"},
    {"spool_size", "spool", "待发送日志大小"},
    {"status", "status", "状态"},
    {"stopped_outside_zone", "stopped outside the door zone", "非平层停梯"},
    {"strain", "strain", "应变"},
    {"temperature", "temperature", "温度"},
    {"throttled", "throttled", "处理器降频"},
    {"tilt", "tilt", "倾角"},
    {"turbidity", "turbidity", "浊度"},
    {"vibration", "vibration", "振动"},
    {"visibility", "visibility", "能见度"},
};

const struct quantity *quantity_find(const char *key)
{
    for (size_t i = 0; i < sizeof quantities / sizeof quantities[0]; i++) {
        if (strcmp(quantities[i].key, key) == 0) {
            return &quantities[i];
        }
    }
    return NULL;
}
