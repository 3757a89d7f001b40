/*
 * tcp_info: TCP_INFO as a table; see type.h.
 *
 * Linux appends fields to struct tcp_info; the length that it returns says how
 * many it has filled in (tcp(7)). The structure is declared here because the C
 * library's headers may be older than the kernel. It stops where its layout
 * differs between kernels. Times are in the kernel's units.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/argument.h"
#include "option/struct.h"
#include "option/type.h"
#include "socket/state.h"

#ifdef __linux__

struct kernel_tcp_info {
    uint8_t state;
    uint8_t ca_state;
    uint8_t retransmits;
    uint8_t probes;
    uint8_t backoff;
    uint8_t options;
    uint8_t snd_wscale : 4, rcv_wscale : 4;
    uint8_t delivery_rate_app_limited : 1, fastopen_client_fail : 2;
    uint32_t rto, ato, snd_mss, rcv_mss;
    uint32_t unacked, sacked, lost, retrans, fackets;
    uint32_t last_data_sent, last_ack_sent, last_data_recv, last_ack_recv;
    uint32_t pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd;
    uint32_t advmss, reordering;
    uint32_t rcv_rtt, rcv_space;
    uint32_t total_retrans;
    uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
    uint32_t segs_out, segs_in;
    uint32_t notsent_bytes, min_rtt, data_segs_in, data_segs_out;
    uint64_t delivery_rate;
    uint64_t busy_time, rwnd_limited, sndbuf_limited;
    uint32_t delivered, delivered_ce;
    uint64_t bytes_sent, bytes_retrans;
    uint32_t dsack_dups, reord_seen;
    uint32_t rcv_ooopack, snd_wnd;
    uint32_t rcv_wnd, rehash;
    uint16_t total_rto, total_rto_recoveries;
    uint32_t total_rto_time;
    uint32_t received_ce;
    uint32_t delivered_e1_bytes, delivered_e0_bytes, delivered_ce_bytes;
    uint32_t received_e1_bytes, received_e0_bytes, received_ce_bytes;
};

/* clang-format off */
#define FIELD(name)                                                            \
    {#name, offsetof(struct kernel_tcp_info, name),                            \
     sizeof(((struct kernel_tcp_info *)0)->name)}

static const struct info_field info_fields[] = {
    FIELD(retransmits), FIELD(probes), FIELD(backoff),
    FIELD(rto), FIELD(ato), FIELD(snd_mss), FIELD(rcv_mss),
    FIELD(unacked), FIELD(sacked), FIELD(lost), FIELD(retrans),
    FIELD(fackets), FIELD(last_data_sent), FIELD(last_ack_sent),
    FIELD(last_data_recv), FIELD(last_ack_recv),
    FIELD(pmtu), FIELD(rcv_ssthresh), FIELD(rtt), FIELD(rttvar),
    FIELD(snd_ssthresh), FIELD(snd_cwnd), FIELD(advmss), FIELD(reordering),
    FIELD(rcv_rtt), FIELD(rcv_space), FIELD(total_retrans),
    FIELD(pacing_rate), FIELD(max_pacing_rate), FIELD(bytes_acked),
    FIELD(bytes_received), FIELD(segs_out), FIELD(segs_in),
    FIELD(notsent_bytes), FIELD(min_rtt), FIELD(data_segs_in),
    FIELD(data_segs_out), FIELD(delivery_rate), FIELD(busy_time),
    FIELD(rwnd_limited), FIELD(sndbuf_limited), FIELD(delivered),
    FIELD(delivered_ce), FIELD(bytes_sent), FIELD(bytes_retrans),
    FIELD(dsack_dups), FIELD(reord_seen), FIELD(rcv_ooopack), FIELD(snd_wnd),
    FIELD(rcv_wnd), FIELD(rehash), FIELD(total_rto),
    FIELD(total_rto_recoveries), FIELD(total_rto_time), FIELD(received_ce),
    FIELD(delivered_e1_bytes), FIELD(delivered_e0_bytes),
    FIELD(delivered_ce_bytes), FIELD(received_e1_bytes),
    FIELD(received_e0_bytes), FIELD(received_ce_bytes),
    {NULL, 0, 0},
};

/* The flags TCPI_OPT_…; below, the states TCP_CA_…. */
static const struct name info_options[] = {
    {"timestamps", 1}, {"sack", 2}, {"wscale", 4}, {"ecn", 8},
    {"ecn_seen", 16}, {"syn_data", 32}, {"usec_ts", 64}, {"tfo_child", 128},
    {NULL, 0},
};

static const struct name ca_rows[] = {
    {"open", 0}, {"disorder", 1}, {"cwr", 2}, {"recovery", 3}, {"loss", 4},
    {NULL, 0},
};
/* clang-format on */

static const struct names ca_names = {
    "congestion state", {"TCP_CA_", NULL}, ca_rows};

static void set_options(lua_State *L, unsigned options)
{
    lua_newtable(L);
    field_set_flags(L, info_options, options);
    lua_setfield(L, -2, "options");
}

/* Set the fields of the first eight bytes, which every kernel fills in. */
static void set_head(lua_State *L, const struct kernel_tcp_info *info)
{
    field_set_string(L, "state", state_tcp_name(info->state));
    field_set_name(L, "ca_state", &ca_names, info->ca_state);
    set_options(L, info->options);
    field_set_integer(L, "snd_wscale", info->snd_wscale);
    field_set_integer(L, "rcv_wscale", info->rcv_wscale);
    field_set_boolean(L, "delivery_rate_app_limited",
                      info->delivery_rate_app_limited);
    field_set_integer(L, "fastopen_client_fail", info->fastopen_client_fail);
}

static void push_tcp_info(lua_State *L, const struct option_type *type,
                          const union option_value *value, socklen_t length)
{
    struct kernel_tcp_info info;

    (void)type;
    memcpy(&info, value->bytes, sizeof info);
    lua_createtable(L, 0, (int)(sizeof info_fields / sizeof *info_fields) + 6);
    set_head(L, &info);
    option_set_info_fields(L, info_fields, value->bytes, length);
}

const struct option_type option_tcp_info = {
    .name = "tcp_info",
    .size = sizeof(struct kernel_tcp_info),
    .push = push_tcp_info,
};

#endif
