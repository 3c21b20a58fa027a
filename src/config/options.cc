// SPDX-License-Identifier: Apache-2.0
//
// The option tables: every option that exists, once. See option.h for what is made out of them.
//
// Order is the order of the reference. A word list is in the order of its enumeration; `offered` hides the
// words that this version refuses (check.cc says why when one is used).
#include <fmt/format.h>

#include <array>

#include "base/check.h"
#include "config/option.h"

namespace remuda::config {
namespace {

using std::string_view_literals::operator""sv;

constexpr uint64_t kSecond = 1000;
constexpr uint64_t kMinute = 60 * kSecond;
constexpr uint64_t kHour = 60 * kMinute;
constexpr uint64_t kKibi = 1024;
constexpr uint64_t kMebi = 1024 * kKibi;
constexpr uint64_t kTebi = 1024 * 1024 * kMebi;

constexpr std::array kStartWords{"ahead"sv, "per-connection"sv};
constexpr std::array kAccessFormatWords{"combined"sv, "json"sv};
constexpr std::array kLogLevelWords{"debug"sv, "info"sv, "warning"sv, "error"sv};
constexpr std::array kAppTypeWords{"cgi"sv,  "fastcgi"sv, "scgi"sv, "wsgi"sv,  "rack"sv,
                                   "psgi"sv, "php"sv,     "http"sv, "module"sv};
constexpr std::array kAppModelWords{"exec"sv, "fork"sv, "pool"sv, "embedded"sv, "remote"sv};
constexpr std::array kListingWords{"off"sv, "html"sv, "json"sv, "auto"sv};
constexpr std::array kDotfilesWords{"hide"sv, "serve"sv};
constexpr std::array<uint32_t, 5> kRedirectStatuses{301, 302, 303, 307, 308};

constexpr std::array kServerOptions{
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
};

constexpr std::array kWorkersOptions{
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

constexpr std::array kListenerOptions{
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

constexpr std::array kTimeoutsOptions{
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

constexpr std::array kLimitsOptions{
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

constexpr std::array kLogOptions{
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

constexpr std::array kAppOptions{
    bind<&App::type>({.name = "type",
                      .text = "What the application is: cgi is any program that speaks CGI/1.1.",
                      .words = kAppTypeWords,
                      .offered = 1}),
    bind<&App::model>(
        {.name = "model",
         .text = "Where it stands between a process per request and code in the server: exec starts a "
                 "process for each request.",
         .words = kAppModelWords,
         .offered = 1}),
    bind<&App::root>(
        {.name = "root",
         .text = "Directory of the programs: the path names one below it, what follows is PATH_INFO.",
         .unset = "program is given instead",
         .example = "\"cgi-bin\""}),
    bind<&App::program>({.name = "program",
                         .text = "The one program that answers everything under the route.",
                         .unset = "root is given instead",
                         .example = "\"/usr/lib/git-core/git-http-backend\""}),
    bind<&App::environment>(
        {.name = "environment",
         .text = "Environment variables for the program; those that describe the request win.",
         .example = "{ GIT_PROJECT_ROOT = \"/srv/git\" }"}),
    bind<&App::pass_authorization>(
        {.name = "pass_authorization",
         .text = "The program sees the Authorization field, as HTTP_AUTHORIZATION."}),
    bind<&App::allow_encoded_slash>(
        {.name = "allow_encoded_slash",
         .text = "A path may hold %2F, decoded in PATH_INFO; else it is refused with 404."}),
    bind<&App::time_limit>(
        {.name = "time_limit",
         .text = "For the whole request; then the process group is ended (TERM, then KILL) and 504 sent.",
         .minimum = 10,
         .maximum = 24 * kHour}),
    bind<&App::concurrency>({.name = "concurrency",
                             .text = "Requests at once in the application; further ones wait in the queue.",
                             .minimum = 1,
                             .maximum = 100'000,
                             .unit = "requests"}),
    bind<&App::queue>({.name = "queue",
                       .text = "Requests that may wait; beyond it 503 with Retry-After.",
                       .maximum = 1'000'000,
                       .unit = "requests",
                       .zero = "none waits"}),
    bind<&App::queue_time>({.name = "queue_time",
                            .text = "How long a request may wait in the queue; then 503 with Retry-After.",
                            .minimum = 10,
                            .maximum = kHour}),
    bind<&App::exit_grace>(
        {.name = "exit_grace",
         .text = "How long output may be held open by others after the program has exited.",
         .maximum = kHour}),
    bind<&App::head_limit>({.name = "head_limit",
                            .text = "Largest header block of a program's response; beyond it 502.",
                            .minimum = kKibi,
                            .maximum = 16 * kMebi}),
    bind<&App::errors_limit>({.name = "errors_limit",
                              .text = "Standard error that is logged for one request; the rest is counted.",
                              .maximum = 1024 * kMebi}),
    bind<&App::non_parsed_headers>(
        {.name = "non_parsed_headers",
         .text = "Programs named nph-* write the whole response themselves; else refused."}),
    bind<&App::spool_directory>(
        {.name = "spool_directory", .text = "Where request bodies are kept that wait for a program."}),
    bind<&App::spool_above>(
        {.name = "spool_above",
         .text = "A chunked request body, whose length the program must know, goes to disk above this.",
         .maximum = 1024 * kMebi}),
    bind<&App::body>({.name = "body",
                      .text = "Largest request body; beyond it 413.",
                      .maximum = 1024 * kTebi,
                      .unset = "limits.body"}),
    bind<&App::user>({.name = "user",
                      .text = "User that the program runs as; only when the server is started as root.",
                      .unset = "server.user",
                      .example = "\"git\""}),
    bind<&App::group>({.name = "group",
                       .text = "Group that the program runs as; only when the server is started as root.",
                       .unset = "the user's own group",
                       .example = "\"git\""}),
};

constexpr std::array kRouteOptions{
    bind<&Route::host>(
        {.name = "host",
         .text = "Host names, without port: exact, or \"*.example.org\" for everything below it.",
         .unset = "any host",
         .example = "[\"example.org\", \"*.example.org\"]"}),
    bind<&Route::path>(
        {.name = "path",
         .text = "\"/a/\" is /a and all below it; \"=/a\" exactly /a; with \"*\" (any characters) a pattern "
                 "for the whole path. Compared with the decoded path.",
         .example = "\"/docs/\""}),
    bind<&Route::method>(
        {.name = "method",
         .text = "Methods; GET includes HEAD. When only the method differs from every route's: 405.",
         .unset = "any method",
         .example = "[\"GET\", \"POST\"]"}),
    bind<&Route::app>({.name = "app",
                       .text = "Action: the application of this name answers.",
                       .unset = "another action is given",
                       .example = "\"git\""}),
    bind<&Route::files, &Files::root>(
        {.name = "files",
         .text = "Action: files of this directory, by what follows the route's path.",
         .unset = "another action is given",
         .example = "\"public\""}),
    bind<&Route::redirect, &Redirect::url>({.name = "redirect",
                                            .text = "Action: send the client to this URL or path.",
                                            .unset = "another action is given",
                                            .example = "\"https://example.org/\""}),
    bind<&Route::respond, &Respond::status>({.name = "respond",
                                             .text = "Action: answer with this status.",
                                             .minimum = 200,
                                             .maximum = 599,
                                             .unit = "status",
                                             .unset = "another action is given",
                                             .example = "404"}),
    bind<&Route::redirect, &Redirect::status>({.name = "status",
                                               .text = "Status of the redirect.",
                                               .unit = "status",
                                               .allowed = kRedirectStatuses,
                                               .only_with = "redirect"}),
    bind<&Route::redirect, &Redirect::keep_path>({.name = "keep_path",
                                                  .text = "Append to the URL what follows the route's path.",
                                                  .only_with = "redirect"}),
    bind<&Route::redirect, &Redirect::keep_query>(
        {.name = "keep_query", .text = "Append the query, unless the URL has one.", .only_with = "redirect"}),
    bind<&Route::respond, &Respond::text>({.name = "text",
                                           .text = "Plain text that is the content of the answer.",
                                           .unset = "an error page from 400 on, else nothing",
                                           .example = "\"back at noon\"",
                                           .only_with = "respond"}),
    bind<&Route::files, &Files::index>(
        {.name = "index", .text = "Names tried for a directory, in this order.", .only_with = "files"}),
    bind<&Route::files, &Files::listing>(
        {.name = "listing",
         .text = "Listing of a directory without index; auto goes by the Accept field.",
         .only_with = "files",
         .words = kListingWords}),
    bind<&Route::files, &Files::fallback>(
        {.name = "fallback",
         .text = "File that answers with 200 when there is none: single-page applications.",
         .unset = "404",
         .example = "\"/index.html\"",
         .only_with = "files"}),
    bind<&Route::files, &Files::cache_control>({.name = "cache_control",
                                                .text = "The Cache-Control field of these files.",
                                                .unset = "not sent",
                                                .example = "\"public, max-age=86400\"",
                                                .only_with = "files"}),
    bind<&Route::files, &Files::dotfiles>({.name = "dotfiles",
                                           .text = "Names that begin with a dot: hidden (404) or served.",
                                           .only_with = "files",
                                           .words = kDotfilesWords}),
    bind<&Route::files, &Files::precompressed>(
        {.name = "precompressed",
         .text = "Serve .br, .zst and .gz siblings to clients that accept them.",
         .only_with = "files"}),
};

template <auto member>
constexpr Table once(std::string_view name, std::string_view text, std::span<const Option> options) {
  using Record = typename MemberOf<member>::ValueType;
  return {name,
          Table::Shape::kOnce,
          text,
          options,
          [](const Config&) -> size_t { return 1; },
          [](Config& config, size_t) -> void* { return &(config.*member); },
          nullptr,
          []() -> const void* {
            static const Record defaults;
            return &defaults;
          }};
}

template <auto member>
constexpr Table many(std::string_view name, Table::Shape shape, std::string_view text,
                     std::span<const Option> options) {
  using Record = typename MemberOf<member>::ValueType::value_type;
  return {name,
          shape,
          text,
          options,
          [](const Config& config) -> size_t { return (config.*member).size(); },
          [](Config& config, size_t index) -> void* { return &(config.*member)[index]; },
          [](Config& config, std::string_view record_name, const Origin& origin) -> void* {
            Record& record = (config.*member).emplace_back();
            if constexpr (requires { record.name; }) record.name = record_name;
            record.origin = origin;
            return &record;
          },
          []() -> const void* {
            static const Record defaults;
            return &defaults;
          }};
}

constexpr std::array kTables{
    once<&Config::server>("server", "The server as a whole.", kServerOptions),
    once<&Config::workers>(
        "workers", "Concurrency is three numbers: processes, event loops in each, connections in each loop.",
        kWorkersOptions),
    many<&Config::listeners>("listener", Table::Shape::kRepeated,
                             "A socket that accepts connections. Without any: 127.0.0.1:8080.",
                             kListenerOptions),
    once<&Config::timeouts>("timeouts", "How long the server waits for a client.", kTimeoutsOptions),
    once<&Config::limits>("limits", "How much a client may send, how slowly, and what is kept in memory.",
                          kLimitsOptions),
    once<&Config::log>("log",
                       "What is written about requests and about the server. SIGUSR1 opens the files again.",
                       kLogOptions),
    many<&Config::apps>("app", Table::Shape::kNamed,
                        "An application. Routes refer to it by its name. One of root and program is needed.",
                        kAppOptions),
    many<&Config::routes>(
        "route", Table::Shape::kRepeated,
        "A rule: what answers for a host, a path and a method. The first that matches decides; a request "
        "that "
        "none matches gets 404. Each has exactly one action: app, files, redirect or respond.",
        kRouteOptions),
};

}  // namespace

std::span<const Table> tables() { return kTables; }

const Table& table_named(std::string_view name) {
  for (const Table& table : kTables) {
    if (table.name == name) return table;
  }
  CHECK(false);
}

const Option* find_option(const Table& table, std::string_view name) {
  for (const Option& option : table.options) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

std::string record_name(const Table& table, const Config& config, size_t index) {
  switch (table.shape) {
    case Table::Shape::kOnce: break;
    case Table::Shape::kNamed: return fmt::format("{}.{}", table.name, config.apps[index].name);
    case Table::Shape::kRepeated: return fmt::format("{}[{}]", table.name, index);
  }
  return std::string(table.name);
}

}  // namespace remuda::config
