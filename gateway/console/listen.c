#include "gateway/console/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/base/limits.h"
#include "gateway/base/log.h"

#define BACKLOG     64
#define GROUP_BYTES 16384

static ll_err report(const char *what, const char *where, int sys_errno)
{
    log_error("console", "listen_failed", "step=%s at=%s reason=\"%s\"", what, where,
              strerrorname_np(sys_errno));
    return ll_err_from_errno(sys_errno);
}

/* Removes a socket that a killed process left behind. */
static ll_err clear_stale(const struct sockaddr_un *addr)
{
    struct stat st;
    if (lstat(addr->sun_path, &st) != 0) {
        return errno == ENOENT ? LL_OK : report("stat", addr->sun_path, errno);
    }
    if (!S_ISSOCK(st.st_mode)) {
        return report("replace", addr->sun_path, EEXIST);
    }
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return report("socket", addr->sun_path, errno);
    }
    /* Only a refusal proves that nobody listens: a full backlog, for one, gives EAGAIN. */
    const bool refused =
        connect(fd, (const struct sockaddr *)addr, sizeof *addr) != 0 && errno == ECONNREFUSED;
    close(fd);
    if (!refused) {
        return report("replace", addr->sun_path, EADDRINUSE);
    }
    if (unlink(addr->sun_path) != 0 && errno != ENOENT) {
        return report("unlink", addr->sun_path, errno);
    }
    log_info("console", "stale_socket_replaced", "path=%s", addr->sun_path);
    return LL_OK;
}

static ll_err give_to_group(const char *path, const char *group)
{
    struct group entry;
    struct group *found = NULL;
    char text[GROUP_BYTES];
    const int rc = getgrnam_r(group, &entry, text, sizeof text, &found);
    if (found == NULL) {
        log_error("console", "no_such_group", "group=%s", group);
        return rc != 0 ? ll_err_from_errno(rc) : LL_ENOENT;
    }
    return chown(path, (uid_t)-1, entry.gr_gid) == 0 ? LL_OK : report("chgrp", path, errno);
}

ll_err listen_unix(const char *path, const char *group, int *fd_out)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const int n = snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
    if (n < 0 || (size_t)n >= sizeof addr.sun_path) {
        log_error("console", "path_too_long", "path=%s most=%zu", path, sizeof addr.sun_path - 1);
        return LL_ELIMIT;
    }
    ll_err err = clear_stale(&addr);
    if (err != LL_OK) {
        return err;
    }
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return report("socket", path, errno);
    }
    /* Linux takes the mode of the bound name from the socket, so it is never wider than this. */
    if (fchmod(fd, 0600) != 0 || bind(fd, (const struct sockaddr *)&addr, sizeof addr) != 0) {
        err = report("bind", path, errno);
        goto close_socket;
    }
    if (group[0] != '\0') {
        err = give_to_group(path, group);
        if (err != LL_OK) {
            goto remove_name;
        }
    }
    if (chmod(path, 0660) != 0 || listen(fd, BACKLOG) != 0) {
        err = report("listen", path, errno);
        goto remove_name;
    }
    *fd_out = fd;
    return LL_OK;

remove_name:
    unlink(path);
close_socket:
    close(fd);
    return err;
}

/* Splits "address:port" and reads both as numbers. */
static ll_err resolve(const char *address, struct addrinfo **out)
{
    char host[LL_MAX_NAME];
    const char *colon = strrchr(address, ':');
    size_t len = colon != NULL ? (size_t)(colon - address) : 0;
    if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof host) {
        return LL_EINVAL;
    }
    memcpy(host, address, len);
    host[len] = '\0';
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    return getaddrinfo(host, colon + 1, &hints, out) == 0 ? LL_OK : LL_EINVAL;
}

static unsigned bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } addr = {.v6 = {0}};
    socklen_t len = sizeof addr;
    if (getsockname(fd, &addr.any, &len) != 0) {
        return 0;
    }
    return ntohs(addr.any.sa_family == AF_INET6 ? addr.v6.sin6_port : addr.v4.sin_port);
}

ll_err listen_tcp(const char *address, int *fd_out, unsigned *port_out)
{
    struct addrinfo *info = NULL;
    ll_err err = resolve(address, &info);
    if (err != LL_OK) {
        log_error("console", "bad_address", "at=%s right=\"127.0.0.1:9464 or [::1]:9464\"",
                  address);
        return err;
    }
    const int on = 1;
    const int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        err = report("socket", address, errno);
        goto free_info;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        err = report("bind", address, errno);
        close(fd);
        goto free_info;
    }
    *port_out = bound_port(fd);
    *fd_out = fd;

free_info:
    freeaddrinfo(info);
    return err;
}
