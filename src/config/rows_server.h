// SPDX-License-Identifier: Apache-2.0
//
// The rows of [server], [workers], [[listener]], [timeouts], [limits] and [log]. Order is the order of the
// reference; a list of words is in the order of its enumeration. Constant data; only options.cc includes
// this.
#pragma once

#include <array>

#include "config/option.h"
#include "config/rows_units.h"

namespace remuda::config::rows {

using std::string_view_literals::operator""sv;

inline constexpr std::array kStartWords{"ahead"sv, "per-connection"sv};
inline constexpr std::array kAccessFormatWords{"combined"sv, "json"sv};
inline constexpr std::array kLogLevelWords{"debug"sv, "info"sv, "warning"sv, "error"sv};

inline constexpr std::array kServerOptions{
    bind<&Server::user>({.name = "user",
                         .text = "User that workers and applications run as; only when started as root.",
                         .unset = "whoever starts the server",
                         .example = "\"www-data\""}),
    bind<&Server::group>({.name = "group",
                          .text = "Group that workers and applications run as; only when started as root.",
                          .unset = "the user's own group",
                          .example = "\"www-data\""}),
    bind<&Server::grace>(
        {.name = "grace",
         .text = "How long a graceful stop waits for requests in flight before it ends them.",
         .maximum = 24 * kHour}),
    bind<&Server::dev>(
        {.name = "dev",
         .text = "Error pages show the journey of a failed process: steps, times, last stderr lines. "
                 "For development; it tells visitors about the machine."}),
    bind<&Server::pid_file>({.name = "pid_file",
                             .text = "File that holds the process number of the supervisor while it runs.",
                             .unset = "none",
                             .example = "\"/run/remuda.pid\""}),
    bind<&Server::error_pages>({.name = "error_pages",
                                .text = "Directory of error pages, named by status: 404.html, 502.html.",
                                .unset = "the built-in pages",
                                .example = "\"errors\""}),
    bind<&Server::run_directory>(
        {.name = "run_directory",
         .text = "Directory in which each server has one for its sockets.",
         .unset = "/run/remuda for root, else $XDG_RUNTIME_DIR/remuda, else /tmp/remuda-UID",
         .example = "\"/run/remuda\""}),
    bind<&Server::loaders>(
        {.name = "loaders",
         .text = "Directory of the loaders that run applications of type wsgi and psgi, and programs of type "
                 "cgi with model fork.",
         .unset = "lib/remuda beside the program, or ../lib/remuda",
         .example = "\"/usr/lib/remuda\""}),
};

inline constexpr std::array kWorkersOptions{
    bind<&Workers::processes>(
        {.name = "processes",
         .text = "Worker processes; with start = \"per-connection\" the most at once (256 unless said).",
         .minimum = 1,
         .maximum = 65536,
         .unit = "processes"}),
    bind<&Workers::threads>({.name = "threads",
                             .text = "Event loops in each worker process.",
                             .maximum = 1024,
                             .unit = "threads",
                             .zero = "one per core"}),
    bind<&Workers::connections>(
        {.name = "connections",
         .text = "Connections at once in each event loop; further ones wait to be accepted.",
         .minimum = 1,
         .maximum = 10'000'000,
         .unit = "connections"}),
    bind<&Workers::start>({.name = "start",
                           .text = "Worker processes are started ahead, or one for each connection.",
                           .words = kStartWords}),
};

inline constexpr std::array kListenerOptions{
    bind<&Listener::address>(
        {.name = "address",
         .text = "Where connections are accepted: \"ADDRESS:PORT\", \"[IPV6]:PORT\", \"unix:PATH\" or "
                 "\"unix:@NAME\" (abstract). Port 0 lets the kernel choose."}),
    bind<&Listener::backlog>(
        {.name = "backlog",
         .text = "Connections that may wait to be accepted; the kernel's somaxconn bounds it.",
         .minimum = 1,
         .maximum = 65535,
         .unit = "connections"}),
    bind<&Listener::deferred_accept>(
        {.name = "deferred_accept",
         .text = "Accept a TCP connection only when its first bytes are there (TCP_DEFER_ACCEPT)."}),
    bind<&Listener::ipv6_only>(
        {.name = "ipv6_only", .text = "An IPv6 address does not take IPv4 connections as well."}),
};

inline constexpr std::array kTimeoutsOptions{
    bind<&Timeouts::first_byte>(
        {.name = "first_byte",
         .text = "From accepting a connection to the first byte of its first request.",
         .minimum = 10,
         .maximum = 24 * kHour}),
    bind<&Timeouts::head>({.name = "head",
                           .text = "From the first byte of a request to the end of its head; then 408.",
                           .minimum = 10,
                           .maximum = 24 * kHour}),
    bind<&Timeouts::body>({.name = "body",
                           .text = "Without a byte of the request's body while it is being read; then 408.",
                           .minimum = 10,
                           .maximum = 24 * kHour}),
    bind<&Timeouts::response>(
        {.name = "response",
         .text = "Without the client taking a byte of the response; then the connection is closed.",
         .minimum = 10,
         .maximum = 24 * kHour}),
    bind<&Timeouts::idle>({.name = "idle",
                           .text = "Between two requests on a connection; then it is closed.",
                           .minimum = 10,
                           .maximum = 24 * kHour}),
    bind<&Timeouts::linger>(
        {.name = "linger",
         .text = "How long bytes are read and dropped after the last response, so that it is not lost.",
         .maximum = kMinute}),
};

inline constexpr std::array kLimitsOptions{
    bind<&Limits::request_line>({.name = "request_line",
                                 .text = "Longest request line; beyond it 414.",
                                 .minimum = 512,
                                 .maximum = kMebi}),
    bind<&Limits::fields_total>({.name = "fields_total",
                                 .text = "All fields of a request together; beyond it 431.",
                                 .minimum = kKibi,
                                 .maximum = kMebi}),
    bind<&Limits::fields_count>({.name = "fields_count",
                                 .text = "Number of fields in a request; beyond it 431.",
                                 .minimum = 8,
                                 .maximum = 10'000,
                                 .unit = "fields"}),
    bind<&Limits::body>({.name = "body",
                         .text = "Largest request body; beyond it 413. An application may set its own.",
                         .maximum = 1024 * kTebi}),
    bind<&Limits::body_rate>({.name = "body_rate",
                              .text = "Least speed of a request body, once rate_grace is over; below it 408.",
                              .maximum = 1024 * kMebi,
                              .unit = "per second",
                              .zero = "no least speed"}),
    bind<&Limits::response_rate>(
        {.name = "response_rate",
         .text = "Least speed at which a client takes a response, once rate_grace is over.",
         .maximum = 1024 * kMebi,
         .unit = "per second",
         .zero = "no least speed"}),
    bind<&Limits::rate_grace>({.name = "rate_grace",
                               .text = "How long a body or a response may be slower than its least speed.",
                               .maximum = kHour}),
    bind<&Limits::file_cache>({.name = "file_cache",
                               .text = "Memory for small files in each event loop.",
                               .maximum = kTebi,
                               .zero = "no file is kept in memory"}),
    bind<&Limits::cached_file>(
        {.name = "cached_file", .text = "Largest file that is kept in memory.", .maximum = 16 * kMebi}),
};

inline constexpr std::array kLogOptions{
    bind<&Log::access>(
        {.name = "access", .text = "Where requests are logged: \"stdout\", \"stderr\", \"off\" or a file."}),
    bind<&Log::access_format>({.name = "access_format",
                               .text = "One line a request: the combined format, or JSON.",
                               .words = kAccessFormatWords}),
    bind<&Log::error>(
        {.name = "error",
         .text = "Where the server's messages go: \"stderr\", \"stdout\", \"syslog\", \"off\" or a file."}),
    bind<&Log::level>(
        {.name = "level", .text = "Least weight of a message that is logged.", .words = kLogLevelWords}),
};

}  // namespace remuda::config::rows
