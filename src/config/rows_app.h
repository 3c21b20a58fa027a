// SPDX-License-Identifier: Apache-2.0
//
// The rows of [pool] and [app.NAME]. Order is the order of the reference; a list of words is in the order of
// its enumeration. `models` and `types` say under which an option means anything; what a model puts in the
// place of a default is check_apps.cc's. Constant data; only options.cc includes this. It is long because an
// option is a row, and an application has many.
#pragma once

#include <array>

#include "config/option.h"
#include "config/rows_units.h"

namespace remuda::config::rows {

using std::string_view_literals::operator""sv;

inline constexpr uint16_t kExec = bit(AppModel::kExec);
inline constexpr uint16_t kFork = bit(AppModel::kFork);
inline constexpr uint16_t kPool = bit(AppModel::kPool);
inline constexpr uint16_t kRemote = bit(AppModel::kRemote);
inline constexpr uint16_t kStarted = kExec | kFork | kPool;  // this server starts the processes
inline constexpr uint16_t kCgi = bit(AppType::kCgi);
inline constexpr uint16_t kFastcgi = bit(AppType::kFastcgi);
inline constexpr uint16_t kScgi = bit(AppType::kScgi);
inline constexpr uint16_t kLoaded = bit(AppType::kWsgi) | bit(AppType::kRack) | bit(AppType::kPsgi);
inline constexpr uint16_t kPhp = bit(AppType::kPhp);
inline constexpr uint16_t kHttp = bit(AppType::kHttp);
inline constexpr uint16_t kPrograms = kCgi | kFastcgi | kScgi | kPhp | kHttp;
inline constexpr uint16_t kScripted = kFastcgi | kScgi | kPhp;
inline constexpr uint16_t kPreloaded = kLoaded | kPhp;
inline constexpr uint16_t kKeepsConnections = kFastcgi | kPreloaded | kHttp;

inline constexpr std::array kAppTypeWords{"cgi"sv,  "fastcgi"sv, "scgi"sv, "wsgi"sv,  "rack"sv,
                                          "psgi"sv, "php"sv,     "http"sv, "module"sv};
inline constexpr std::array kAppModelWords{"exec"sv, "fork"sv, "pool"sv, "embedded"sv, "remote"sv};
inline constexpr std::array kAppRoleWords{"responder"sv, "authorizer"sv, "filter"sv};
inline constexpr std::array kMultiplexWords{"auto"sv, "true"sv, "false"sv};
inline constexpr std::array kOnClientGoneWords{"abort"sv, "finish"sv};
inline constexpr std::array kListenWords{"descriptor"sv, "port"sv, "socket"sv};
inline constexpr std::array kForwardedWords{"replace"sv, "append"sv, "pass"sv};
inline constexpr std::array kReloadWords{"auto"sv, "manual"sv};
inline constexpr std::array kSchedulingWords{"batch"sv, "normal"sv};
inline constexpr std::array kSandboxWords{"off"sv, "default"sv, "strict"sv};
inline constexpr std::array kNetworkWords{"on"sv, "loopback"sv, "off"sv};
inline constexpr std::array kBalanceWords{"least-connections"sv, "round-robin"sv, "hash"sv};

inline constexpr std::array kPoolOptions{
    bind<&Pool::memory>({.name = "memory",
                         .text = "Memory that all instances together may use.",
                         .maximum = 1024 * kTebi,
                         .zero = "the cgroup's limit or what is available, less the reserve"}),
    bind<&Pool::reserve>({.name = "reserve",
                          .text = "Memory that is left to everything else, when the rest is worked out.",
                          .maximum = 1024 * kTebi}),
    bind<&Pool::instances>({.name = "instances",
                            .text = "Instances of all applications together.",
                            .maximum = 100'000,
                            .unit = "instances",
                            .zero = "as memory and cores allow"}),
};

inline constexpr std::array kAppOptions{
    bind<&App::type>({.name = "type",
                      .text = "What the application is: cgi is any program that speaks CGI/1.1; fastcgi and "
                              "scgi are programs that stay and speak these; http is one with an HTTP server "
                              "of its own; wsgi is Python (PEP 3333), rack is Ruby, psgi is Perl; php is a "
                              "directory of PHP scripts.",
                      .words = kAppTypeWords,
                      .offered = kPrograms | kLoaded}),
    bind<&App::model>(
        {.name = "model",
         .text = "Where it stands between a process per request and code in the server: exec starts a "
                 "process for each request, fork forks one from a template that has loaded everything, pool "
                 "keeps processes and lends them, remote asks peers that others run. cgi: exec, fork; "
                 "fastcgi, http: pool, remote; scgi: remote, pool; wsgi, rack, psgi, php: pool, fork, exec.",
         .unset = "the first of the type's",
         .example = "\"pool\"",
         .words = kAppModelWords,
         .offered = kStarted | kRemote}),
    bind<&App::role>({.name = "role",
                      .text = "The FastCGI role: a responder answers, an authorizer guards routes, a filter "
                              "works on what files would have sent.",
                      .types = kFastcgi,
                      .words = kAppRoleWords}),
    bind<&App::root>(
        {.name = "root",
         .text = "Directory of the programs or scripts: the path names one below it, what follows is "
                 "PATH_INFO. Without it the route's path is SCRIPT_NAME. Of wsgi, rack and psgi the "
                 "directory of the "
                 "application, where it runs.",
         .unset = "none",
         .example = "\"cgi-bin\"",
         .types = kCgi | kFastcgi | kScgi | kPhp | kLoaded}),
    bind<&App::program>(
        {.name = "program",
         .text = "With exec and fork the one program that answers everything under the route; with "
                 "pool what instances run.",
         .unset = "none; of php Remuda's own PHP, else /usr/bin/php-cgi",
         .example = "\"/usr/lib/git-core/git-http-backend\"",
         .models = kStarted,
         .types = kPrograms}),
    bind<&App::arguments>({.name = "arguments",
                           .text = "Arguments of the program.",
                           .example = "[\"-d\", \"memory_limit=64M\"]",
                           .models = kStarted,
                           .types = kPrograms,
                           .items = Items::kArguments}),
    bind<&App::entry_point>(
        {.name = "entry_point",
         .text = "What is called: MODULE:CALLABLE or a file of wsgi, a file of the others; below "
                 "root.",
         .unset = "found: manage.py, wsgi.py, app.py; config.ru, config/environment.rb; app.psgi",
         .example = "\"shop.wsgi:application\"",
         .types = kLoaded}),
    bind<&App::interpreter>(
        {.name = "interpreter",
         .text = "The program that loads the application; with http what runs a script of Node's, which then "
                 "needs no suffix.",
         .unset = "of wsgi .venv/bin/python3 or venv/bin/python3 below root, else /usr/bin/python3; of rack "
                  "/usr/bin/ruby; of psgi /usr/bin/perl; of http /usr/bin/node",
         .example = "\"/srv/site/.venv/bin/python3\"",
         .types = kLoaded | kHttp}),
    bind<&App::threads>({.name = "threads",
                         .text = "Requests at once in each instance, each in a thread of its own.",
                         .minimum = 1,
                         .maximum = 1024,
                         .unit = "threads",
                         .models = kPool,
                         .types = bit(AppType::kWsgi) | bit(AppType::kRack)}),
    bind<&App::preloaded, &Template::enabled>(
        {.name = "template.enabled",
         .text = "Instances are forked from a template that has loaded the application; else each loads it "
                 "for itself.",
         .models = kPool,
         .types = kPreloaded}),
    bind<&App::preloaded, &Template::start_timeout>(
        {.name = "template.start_timeout",
         .text = "From the start of a template until it has loaded everything; then it is killed.",
         .minimum = 10,
         .maximum = kHour,
         .models = kFork | kPool,
         .types = kCgi | kPreloaded}),
    bind<&App::preloaded, &Template::idle_timeout>(
        {.name = "template.idle_timeout",
         .text = "A template that nothing was forked from for so long is ended; the next request loads it "
                 "again.",
         .maximum = 365 * 24 * kHour,
         .zero = "never",
         .unset = "10m with fork, never with pool",
         .models = kFork | kPool,
         .types = kCgi | kPreloaded}),
    bind<&App::preloaded, &Template::reload>(
        {.name = "template.reload",
         .text = "What happens when a file that was loaded has changed: auto loads again beside what serves, "
                 "and what is loaded then takes over; manual waits for remuda restart.",
         .models = kFork | kPool,
         .types = kCgi | kLoaded,
         .words = kReloadWords}),
    bind<&App::preloaded, &Template::most>(
        {.name = "template.most",
         .text =
             "Templates at once, one for each program; beyond it the one that was forked from longest ago "
             "ends.",
         .minimum = 1,
         .maximum = 10'000,
         .unit = "templates",
         .models = kFork,
         .types = kCgi}),
    bind<&App::directory>({.name = "directory",
                           .text = "Directory that the program starts in.",
                           .unset = "root, else the program's own",
                           .example = "\"app\"",
                           .models = kStarted,
                           .types = kPrograms}),
    bind<&App::environment>(
        {.name = "environment",
         .text = "Environment variables for the program; with remote they are sent with each request. Those "
                 "that describe the request win.",
         .example = "{ GIT_PROJECT_ROOT = \"/srv/git\" }"}),
    bind<&App::ini>({.name = "ini",
                     .text =
                         "Settings as in php.ini, which scripts and .user.ini cannot change. For those that "
                         "they can: arguments = [\"-d\", \"NAME=VALUE\"].",
                     .example = "{ memory_limit = \"256M\" }",
                     .models = kStarted,
                     .types = kPhp}),
    bind<&App::scheduling>({.name = "scheduling",
                            .text =
                                "How the system gives its processes a core: those of batch do not interrupt "
                                "the server where it computes, which saves most of the switches between "
                                "them; sched(7).",
                            .models = kStarted,
                            .words = kSchedulingWords}),
    bind<&App::scripts>({.name = "scripts",
                         .text = "Suffixes of the files below root that are scripts.",
                         .unset = "any file is one; of php \".php\"",
                         .example = "[\".php\"]",
                         .types = kScripted}),
    bind<&App::index>({.name = "index",
                       .text = "Scripts tried for a directory, in this order.",
                       .unset = "none; of php \"index.php\"",
                       .example = "[\"index.php\"]",
                       .types = kScripted}),
    bind<&App::fallback>({.name = "fallback",
                          .text = "Script that answers when the path names none: a front controller.",
                          .unset = "404",
                          .example = "\"/index.php\"",
                          .types = kScripted}),
    bind<&App::pass_authorization>(
        {.name = "pass_authorization",
         .text = "The program sees the Authorization field, as HTTP_AUTHORIZATION.",
         .unset = "false; true with http"}),
    bind<&App::allow_encoded_slash>(
        {.name = "allow_encoded_slash",
         .text =
             "A path may hold %2F, decoded in PATH_INFO, as it is with http; else it is refused with 404.",
         .unset = "false; true with http"}),
    bind<&App::time_limit>({.name = "time_limit",
                            .text =
                                "For a request from when it has its process or peer (queue_time bounds the "
                                "wait before that); then 504, and the process is ended (TERM, then "
                                "KILL): with exec its group, with pool the instance, unless it answers "
                                "several requests at once over connections of their own.",
                            .maximum = 24 * kHour,
                            .zero = "none",
                            .unset = "1m; none with http"}),
    bind<&App::connect_timeout>({.name = "connect_timeout",
                                 .text = "Until an instance or peer has accepted a connection.",
                                 .minimum = 10,
                                 .maximum = kHour,
                                 .models = kPool | kRemote}),
    bind<&App::send_timeout>(
        {.name = "send_timeout",
         .text = "Without the application taking a byte of the request, or sending one; then 504.",
         .minimum = 10,
         .maximum = 24 * kHour,
         .models = kPool | kRemote}),
    bind<&App::first_byte_timeout>(
        {.name = "first_byte_timeout",
         .text = "From the end of the request to the first byte of the answer; then 504.",
         .maximum = 24 * kHour,
         .zero = "only time_limit holds",
         .unset = "0s; 60s with http",
         .models = kPool | kRemote}),
    bind<&App::read_timeout>({.name = "read_timeout",
                              .text = "Between two pieces of the answer; then it is cut off.",
                              .minimum = 10,
                              .maximum = 24 * kHour,
                              .models = kPool | kRemote}),
    bind<&App::concurrency>({.name = "concurrency",
                             .text =
                                 "Requests at once in the application; further ones wait in the queue. 32 "
                                 "with exec and fork; 1024 with remote, whose peers may say their own.",
                             .minimum = 1,
                             .maximum = 100'000,
                             .unit = "requests",
                             .models = kExec | kFork | kRemote}),
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
         .maximum = kHour,
         .models = kExec | kFork}),
    bind<&App::head_limit>({.name = "head_limit",
                            .text = "Largest header block of a program's response; beyond it 502.",
                            .minimum = kKibi,
                            .maximum = 16 * kMebi}),
    bind<&App::errors_limit>({.name = "errors_limit",
                              .text = "Standard error that is logged for one request; the rest is counted.",
                              .maximum = 1024 * kMebi}),
    bind<&App::non_parsed_headers>(
        {.name = "non_parsed_headers",
         .text = "Programs named nph-* write the whole response themselves; else refused.",
         .models = kExec | kFork}),
    bind<&App::spool_directory>(
        {.name = "spool_directory",
         .text =
             "Where request bodies are kept that wait for a program, and answers that wait for a client."}),
    bind<&App::spool_above>(
        {.name = "spool_above",
         .text = "A request body that is kept before the program gets it goes to disk above this.",
         .maximum = 1024 * kMebi}),
    bind<&App::body>({.name = "body",
                      .text = "Largest request body; beyond it 413.",
                      .maximum = 1024 * kTebi,
                      .unset = "limits.body"}),
    bind<&App::request_buffering>(
        {.name = "request_buffering",
         .text = "A request body is read whole before a process is taken for it, so that a slow client holds "
                 "none; else it is passed on as it comes.",
         .unset = "true with pool and remote"}),
    bind<&App::response_buffer>(
        {.name = "response_buffer",
         .text = "Memory for what an application has answered and the client has not taken.",
         .minimum = 16 * kKibi,
         .maximum = 1024 * kMebi,
         .models = kPool | kRemote}),
    bind<&App::response_spill>(
        {.name = "response_spill",
         .text = "Disk for the same, beyond the memory, so that a slow client holds no process.",
         .maximum = kTebi,
         .zero = "none, the application waits",
         .models = kPool | kRemote}),
    bind<&App::on_client_gone>(
        {.name = "on_client_gone",
         .text = "When the client has left: abort the request, or let the application finish.",
         .models = kPool | kRemote,
         .words = kOnClientGoneWords}),
    bind<&App::retries>(
        {.name = "retries",
         .text =
             "Further attempts at another instance or peer, for a request that did not begin; whoever "
             "refuses it for the first time costs none. One that may have begun is sent once more if it is "
             "idempotent and unanswered; to a pool only if a kept connection was closed under it and the "
             "process lives on.",
         .maximum = 100,
         .unit = "attempts",
         .zero = "none",
         .models = kPool | kRemote}),
    bind<&App::listen>(
        {.name = "listen",
         .text = "Where instances accept connections: descriptor is a socket that Remuda has opened, their "
                 "descriptor 0, as Node's scripts are given it; port is one of 127.0.0.1, in PORT and for "
                 "{port} in arguments; socket is a path, in REMUDA_SOCKET and for {socket} in arguments.",
         .models = kPool,
         .types = kHttp,
         .words = kListenWords}),
    bind<&App::forwarded>(
        {.name = "forwarded",
         .text =
             "What X-Forwarded-For, -Proto and -Host say: replace has the client's connection say it, and "
             "leaves out what the client says of itself there; append is for a server behind another "
             "proxy, and puts that one's address behind what it says; pass leaves them as they came.",
         .types = kHttp,
         .words = kForwardedWords}),
    bind<&App::upgraded_idle_time>(
        {.name = "upgraded_idle_time",
         .text =
             "A connection that has become a WebSocket, or of another protocol, is closed after this time "
             "without a byte either way.",
         .maximum = 365 * 24 * kHour,
         .zero = "no limit",
         .types = kHttp}),
    bind<&App::sendfile_roots>({.name = "sendfile_roots",
                                .text = "Directories below which X-Sendfile may name files.",
                                .unset = "none: X-Sendfile is refused",
                                .example = "[\"protected\"]"}),
    bind<&App::multiplex>({.name = "multiplex",
                           .text = "Several requests at once over one connection; auto asks the application.",
                           .types = kFastcgi,
                           .words = kMultiplexWords}),
    bind<&App::requests_per_connection>({.name = "requests_per_connection",
                                         .text = "A connection is closed after so many.",
                                         .maximum = 1'000'000'000,
                                         .unit = "requests",
                                         .zero = "no limit",
                                         .types = kKeepsConnections}),
    bind<&App::keep_connections>({.name = "keep_connections",
                                  .text =
                                      "Connections kept open between requests, to each instance or peer, by "
                                      "each event loop. auto: with pool as many as it takes, with remote 8.",
                                  .maximum = 100'000,
                                  .unit = "connections",
                                  .zero = "none, each request opens its own",
                                  .types = kKeepsConnections,
                                  .word = "auto",
                                  .word_for = App::kAsManyAsItTakes}),
    bind<&App::idle_connection_time>({.name = "idle_connection_time",
                                      .text = "How long a connection may be kept without a request.",
                                      .minimum = 1,
                                      .maximum = kHour,
                                      .unset = "60s with pool, 4s where it is http, 1s with remote",
                                      .types = kKeepsConnections}),
    bind<&App::sticky_cookie>(
        {.name = "sticky_cookie",
         .text = "Requests with the same value of this cookie go to the same instance or peer, "
                 "if it has room.",
         .unset = "none",
         .example = "\"session\"",
         .models = kPool | kRemote}),
    bind<&App::instances, &Instances::min>(
        {.name = "instances.min",
         .text = "Instances that are always there; with 0 the first request starts one.",
         .maximum = 100'000,
         .unit = "instances",
         .models = kPool}),
    bind<&App::instances, &Instances::max>(
        {.name = "instances.max",
         .text = "Instances at most; auto works it out from what they use of memory "
                 "and cores (remuda explain app NAME).",
         .maximum = 100'000,
         .unit = "instances",
         .zero = "auto",
         .models = kPool,
         .word = "auto"}),
    bind<&App::instances, &Instances::spare>({.name = "instances.spare",
                                              .text = "Instances kept ready beyond those that work.",
                                              .maximum = 100'000,
                                              .unit = "instances",
                                              .models = kPool}),
    bind<&App::instances, &Instances::concurrency>(
        {.name = "instances.concurrency",
         .text = "Requests at once in each instance.",
         .maximum = 100'000,
         .unit = "requests",
         .zero = "1, or what it says when it multiplexes; of wsgi threads",
         .unset = "0; 64 with http",
         .models = kPool}),
    bind<&App::instances, &Instances::idle_time>(
        {.name = "instances.idle_time",
         .text = "An instance that has had no request for so long is ended, down to min.",
         .minimum = 100,
         .maximum = 365 * 24 * kHour,
         .models = kPool}),
    bind<&App::instances, &Instances::max_requests>({.name = "instances.max_requests",
                                                     .text = "An instance is replaced after so many.",
                                                     .maximum = 1'000'000'000,
                                                     .unit = "requests",
                                                     .zero = "no limit",
                                                     .models = kPool}),
    bind<&App::instances, &Instances::max_age>({.name = "instances.max_age",
                                                .text = "An instance is replaced after this time.",
                                                .maximum = 365 * 24 * kHour,
                                                .zero = "no limit",
                                                .models = kPool}),
    bind<&App::instances, &Instances::memory_soft>(
        {.name = "instances.memory_soft",
         .text = "An instance whose proportional share of memory (PSS) is above this is replaced between "
                 "requests.",
         .maximum = kTebi,
         .zero = "no limit",
         .models = kPool}),
    bind<&App::instances, &Instances::memory_hard>(
        {.name = "instances.memory_hard",
         .text = "An instance above this is killed, and with it its request.",
         .maximum = kTebi,
         .zero = "no limit",
         .models = kPool}),
    bind<&App::instances, &Instances::start_timeout>(
        {.name = "instances.start_timeout",
         .text = "From the start of an instance until it accepts a connection; then it is killed.",
         .minimum = 10,
         .maximum = kHour,
         .models = kPool}),
    bind<&App::instances, &Instances::guaranteed>(
        {.name = "instances.guaranteed",
         .text = "Instances that this application gets whatever others want.",
         .maximum = 100'000,
         .unit = "instances",
         .models = kPool}),
    bind<&App::health, &Health::path>({.name = "health.path",
                                       .text = "Asked of a peer in active checks, which alone bring it back "
                                               "then, and of a new instance in a rolling "
                                               "restart.",
                                       .unset = "a connection that is accepted is enough",
                                       .example = "\"/health\"",
                                       .models = kPool | kRemote}),
    bind<&App::health, &Health::status>({.name = "health.status",
                                         .text = "Status that the answer must have.",
                                         .maximum = 599,
                                         .unit = "status",
                                         .zero = "any below 500",
                                         .models = kPool | kRemote}),
    bind<&App::health, &Health::interval>({.name = "health.interval",
                                           .text = "Between two active checks of a peer.",
                                           .maximum = 24 * kHour,
                                           .zero = "no active checks",
                                           .models = kRemote}),
    bind<&App::health, &Health::timeout>({.name = "health.timeout",
                                          .text = "For one check.",
                                          .minimum = 10,
                                          .maximum = kHour,
                                          .models = kPool | kRemote}),
    bind<&App::health, &Health::fails>(
        {.name = "health.fails",
         .text = "A peer that fails so many requests one after the other is down.",
         .minimum = 1,
         .maximum = 10'000,
         .unit = "failures",
         .models = kRemote}),
    bind<&App::health, &Health::back_off>({.name = "health.back_off",
                                           .text = "How long a peer that is down, or instances that do not "
                                                   "start, are left alone; doubled each time.",
                                           .minimum = 10,
                                           .maximum = kHour,
                                           .models = kPool | kRemote}),
    bind<&App::health, &Health::back_off_most>({.name = "health.back_off_most",
                                                .text = "But never longer than this.",
                                                .minimum = 10,
                                                .maximum = 24 * kHour,
                                                .models = kPool | kRemote}),
    bind<&App::health, &Health::slow_start>(
        {.name = "health.slow_start",
         .text = "A peer that has come back gets its full share after this time, less before.",
         .maximum = 24 * kHour,
         .models = kRemote}),
    bind<&App::peers>(
        {.name = "peers",
         .text = "Who answers: \"ADDRESS:PORT\", \"[IPV6]:PORT\", \"NAME:PORT\" or \"unix:PATH\", each "
                 "with weight=N and concurrency=N (requests at once) behind it if wanted.",
         .unset = "none",
         .example = "[\"unix:/run/php.sock\", \"10.0.0.7:9000 weight=2 concurrency=8\"]",
         .models = kRemote}),
    bind<&App::balance>(
        {.name = "balance",
         .text = "Which peer gets a request: the one with fewest, in turn, or by a consistent hash.",
         .models = kRemote,
         .words = kBalanceWords}),
    bind<&App::hash_key>({.name = "hash_key",
                          .text = "What the hash is made of: \"path\", \"client\" or \"cookie:NAME\".",
                          .unset = "\"path\" with balance = \"hash\"",
                          .example = "\"cookie:session\"",
                          .models = kRemote}),
    bind<&App::resolve_interval>({.name = "resolve_interval",
                                  .text = "How often names of peers are looked up again.",
                                  .minimum = 100,
                                  .maximum = 24 * kHour,
                                  .models = kRemote}),
    bind<&App::user>({.name = "user",
                      .text = "User that the program runs as; only when the server is started as root.",
                      .unset = "server.user",
                      .example = "\"git\"",
                      .models = kStarted}),
    bind<&App::group>({.name = "group",
                       .text = "Group that the program runs as; only when the server is started as root.",
                       .unset = "the user's own group",
                       .example = "\"git\"",
                       .models = kStarted}),
    bind<&App::process_limits, &ProcessLimits::open_files>(
        {.name = "process_limits.open_files",
         .text = "Descriptors that a process may have open.",
         .maximum = 1'000'000'000,
         .unit = "descriptors",
         .zero = "1024, which the program may raise as far as the server could",
         .models = kStarted}),
    bind<&App::process_limits, &ProcessLimits::processes>(
        {.name = "process_limits.processes",
         .text = "Processes and threads that the user of the program may have in all, those of other "
                 "applications of that user among them; root is not held to it.",
         .maximum = 1'000'000'000,
         .unit = "processes",
         .zero = "the server's own limit",
         .unset = "0; 512 with sandbox = \"strict\"",
         .models = kStarted}),
    bind<&App::process_limits, &ProcessLimits::address_space>(
        {.name = "process_limits.address_space",
         .text = "Memory that a process may map; what it only reserves counts too.",
         .maximum = 1024 * kTebi,
         .zero = "the server's own limit",
         .models = kStarted}),
    bind<&App::process_limits, &ProcessLimits::file_size>(
        {.name = "process_limits.file_size",
         .text = "Size of a file that a process writes; SIGXFSZ ends one that goes on.",
         .maximum = 1024 * kTebi,
         .zero = "the server's own limit",
         .models = kStarted}),
    bind<&App::process_limits, &ProcessLimits::cpu_time>(
        {.name = "process_limits.cpu_time",
         .text =
             "Time of the processor that a process may use in its life, in whole seconds; SIGKILL ends it "
             "then.",
         .maximum = 365 * 24 * kHour,
         .zero = "the server's own limit",
         .models = kStarted}),
    bind<&App::process_limits, &ProcessLimits::core_dumps>(
        {.name = "process_limits.core_dumps",
         .text = "Whether a process that crashes may leave a core dump, as far as the server may.",
         .unset = "true; false with sandbox = \"strict\"",
         .models = kStarted}),
    bind<&App::umask>({.name = "umask",
                       .text = "Rights that files which the program makes do not get, in octal.",
                       .example = "\"027\"",
                       .models = kStarted}),
    bind<&App::nice>({.name = "nice",
                      .text = "How much nicer than the server its processes are to others that want a core.",
                      .maximum = 19,
                      .unit = "steps",
                      .models = kStarted}),
    bind<&App::no_new_privileges>(
        {.name = "no_new_privileges",
         .text = "The program and what it starts never get more rights: set-user-id programs (sudo, the "
                 "sendmail of some packages) run without them.",
         .unset = "false; true with sandbox = \"strict\"",
         .models = kStarted}),
    bind<&App::sandbox>(
        {.name = "sandbox",
         .text =
             "default: system calls that no web application needs are denied. strict: that, and the "
             "program sees a file system that it cannot write to, files of its own in /tmp, none of other "
             "applications, no processes and no network but its own.",
         .models = kStarted,
         .words = kSandboxWords}),
    bind<&App::writable>({.name = "writable",
                          .text = "Directories that the program may write to, beside its own /tmp, /var/tmp "
                                  "and /dev/shm; with sandbox = \"strict\".",
                          .unset = "none",
                          .example = "[\"uploads\", \"/var/cache/shop\"]",
                          .only_with = "sandbox",
                          .models = kStarted}),
    bind<&App::readable>({.name = "readable",
                          .text =
                              "Files and directories that the program sees although they lie below /home, "
                              "/root or /tmp, or are another application's; with sandbox = \"strict\".",
                          .unset = "none",
                          .example = "[\"/home/git/repositories\"]",
                          .only_with = "sandbox",
                          .models = kStarted}),
    bind<&App::private_tmp>({.name = "private_tmp",
                             .text = "Size that each of its own /tmp, /var/tmp and /dev/shm has at most, in "
                                     "memory; with sandbox = \"strict\".",
                             .minimum = kMebi,
                             .maximum = kTebi,
                             .only_with = "sandbox",
                             .models = kStarted}),
    bind<&App::network>({.name = "network",
                         .text = "loopback: a network of its own with nobody else in it; off: none at all. "
                                 "Its connection with this server does not need one.",
                         .unset = "\"on\"; \"off\" with sandbox = \"strict\"",
                         .models = kStarted,
                         .words = kNetworkWords}),
    bind<&App::pass_environment>(
        {.name = "pass_environment",
         .text = "Variables of the server's own environment that the program gets, by name or by the "
                 "beginning of their names.",
         .unset = "none",
         .example = "[\"LANG\", \"APP_*\"]",
         .models = kStarted}),
    bind<&App::cgroup, &Cgroup::memory>(
        {.name = "cgroup.memory",
         .text = "Memory that all its processes together may use, what they keep in /tmp included; beyond "
                 "it the kernel ends one of them.",
         .maximum = 1024 * kTebi,
         .zero = "no limit",
         .models = kStarted}),
    bind<&App::cgroup, &Cgroup::processes>({.name = "cgroup.processes",
                                            .text = "Processes and threads that it may have in all.",
                                            .maximum = 1'000'000,
                                            .unit = "processes",
                                            .zero = "no limit",
                                            .models = kStarted}),
    bind<&App::cgroup, &Cgroup::cpu>({.name = "cgroup.cpu",
                                      .text =
                                          "Time of the processor that all its processes together get; 150 "
                                          "is one core and a half.",
                                      .maximum = 1'000'000,
                                      .unit = "percent of a core",
                                      .zero = "no limit",
                                      .models = kStarted}),
};

}  // namespace remuda::config::rows
