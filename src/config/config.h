// SPDX-License-Identifier: Apache-2.0
//
// The configuration as the rest of the program sees it: typed, checked, complete, and never changed again.
//
// A Config is made by config::read_file, read_text or for_directory (config/read.h) and shared as const.
// Every member has a value: the default stands here as the member's initialiser and nowhere else;
// config/options.cc binds a TOML name, a range and a line of text to each member. Origins say where a value
// came from.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/peer.h"

namespace remuda::config {

using Duration = std::chrono::milliseconds;

// A number of bytes; in the file "64KiB", "1GiB", "500B" or a plain integer.
struct Bytes {
  uint64_t count = 0;
  auto operator<=>(const Bytes&) const = default;
};

constexpr Bytes kibibytes(uint64_t n) { return Bytes{n << 10}; }
constexpr Bytes mebibytes(uint64_t n) { return Bytes{n << 20}; }
constexpr Bytes gibibytes(uint64_t n) { return Bytes{n << 30}; }

// A path of the file system. After reading it is absolute: relative ones began at the configuration file's
// directory.
struct Path {
  std::string text;
  bool empty() const { return text.empty(); }
  bool operator==(const Path&) const = default;
};

// Where a log goes: nowhere, a standard stream, syslog (not the access log), or a file that is appended to.
struct LogTarget {
  enum class Kind : uint8_t { kOff, kStandardOutput, kStandardError, kSyslog, kFile };
  Kind kind = Kind::kOff;
  std::string path;  // absolute, for kFile only
  bool operator==(const LogTarget&) const = default;
};

// "off", "stdout", "stderr", "syslog", or the path.
std::string to_string(const LogTarget& target);

// Where a value was said. Lines and columns count from 1; they are 0 unless kind is kFile.
struct Origin {
  enum class Kind : uint8_t { kDefault, kFile, kCommandLine };
  Kind kind = Kind::kDefault;
  std::string file;
  uint32_t line = 0;
  uint32_t column = 0;
  bool operator==(const Origin&) const = default;
};

// "default", "command line", or "file:line".
std::string to_string(const Origin& origin);

using StringList = std::vector<std::string>;
using StringMap = std::vector<std::pair<std::string, std::string>>;  // in the order of the names

// The numbers of a user and group that processes run as, looked up when the configuration was checked.
struct Identity {
  uid_t user = 0;
  gid_t group = 0;
  bool operator==(const Identity&) const = default;
};

struct Server {
  std::string user;   // empty: stay who started the server
  std::string group;  // empty: the user's own group
  Duration grace = std::chrono::seconds(30);
  bool dev = false;
  Path pid_file;
  Path error_pages;
  Path run_directory;                // run_directory() gives the final one
  Path loaders;                      // those of the installation unless said
  std::optional<Identity> identity;  // set when user or group is; only with root's rights
};

enum class Start : uint8_t { kAhead, kPerConnection };

struct Workers {
  uint32_t processes =
      1;                 // with kPerConnection: at most so many at once, kPerConnectionProcesses unless said
  uint32_t threads = 0;  // event loops in each process; 0: one per core. effective_threads() resolves it
  uint32_t connections = 20000;
  Start start = Start::kAhead;

  static constexpr uint32_t kPerConnectionProcesses = 256;
  uint32_t effective_threads() const;  // never 0
};

// A socket address, parsed and normalised.
struct Address {
  enum class Family : uint8_t { kIpv4, kIpv6, kUnix };
  Family family = Family::kIpv4;
  std::string host = "127.0.0.1";  // numeric, without brackets; empty for kUnix
  uint16_t port = 8080;            // 0: the kernel chooses
  std::string path;                // kUnix: absolute path, or "@name" in the abstract namespace
  bool operator==(const Address&) const = default;
};

// "127.0.0.1:8080", "[::1]:8080", "unix:/run/remuda.sock"
std::string to_string(const Address& address);

struct Listener {
  Address address;
  uint32_t backlog = 4096;
  bool deferred_accept = true;
  bool ipv6_only = true;
  Origin origin;
};

struct Timeouts {
  Duration first_byte = std::chrono::seconds(60);
  Duration head = std::chrono::seconds(15);
  Duration body = std::chrono::seconds(30);
  Duration response = std::chrono::seconds(30);
  Duration idle = std::chrono::seconds(75);
  Duration linger = std::chrono::seconds(2);
};

struct Limits {
  Bytes request_line = kibibytes(8);
  Bytes fields_total = kibibytes(32);
  uint32_t fields_count = 100;
  Bytes body = gibibytes(1);
  Bytes body_rate{256};      // per second; 0: no least rate
  Bytes response_rate{256};  // per second; 0: no least rate
  Duration rate_grace = std::chrono::seconds(30);
  Bytes file_cache = mebibytes(32);  // in each event loop; 0: none
  Bytes cached_file = kibibytes(64);
};

enum class AccessFormat : uint8_t { kCombined, kJson };
enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError };

struct Log {
  LogTarget access{LogTarget::Kind::kStandardOutput, {}};
  AccessFormat access_format = AccessFormat::kCombined;
  LogTarget error{LogTarget::Kind::kStandardError, {}};
  LogLevel level = LogLevel::kInfo;
};

// The budget over all applications of model pool.
struct Pool {
  Bytes memory{};  // 0: the cgroup's limit, or what is available, less the reserve
  Bytes reserve = mebibytes(256);
  uint32_t instances = 0;  // 0: from memory and cores
};

enum class AppType : uint8_t { kCgi, kFastcgi, kScgi, kWsgi, kRack, kPsgi, kPhp, kHttp, kModule };
enum class AppModel : uint8_t { kExec, kFork, kPool, kEmbedded, kRemote };
enum class AppRole : uint8_t { kResponder, kAuthorizer, kFilter };
enum class Multiplex : uint8_t { kAuto, kOn, kOff };
enum class OnClientGone : uint8_t { kAbort, kFinish };
enum class Listen : uint8_t { kDescriptor, kPort, kSocket };
enum class Forwarded : uint8_t { kReplace, kAppend, kPass };
enum class Scheduling : uint8_t { kBatch, kNormal };
enum class Balance : uint8_t { kLeastConnections, kRoundRobin, kHash };

// Of model pool: how many processes, how long each lives.
struct Instances {
  uint32_t min = 0;
  uint32_t max = 0;          // 0: worked out from memory and cores, "auto"
  uint32_t spare = 0;        // ready and without a request, beyond those that work
  uint32_t concurrency = 0;  // requests at once in each; 0: 1, or what it says when it multiplexes
  Duration idle_time = std::chrono::minutes(5);
  uint32_t max_requests = 0;  // 0: no limit
  Duration max_age{};         // 0: no limit
  Bytes memory_soft{};        // PSS; 0: no limit
  Bytes memory_hard{};        // likewise
  Duration start_timeout = std::chrono::seconds(30);
  uint32_t guaranteed = 0;  // whatever other applications want
};

// Whether who is to answer does: peers of a farm, instances of a rolling restart.
struct Health {
  std::string path;     // empty: a connection that is accepted is enough
  uint32_t status = 0;  // 0: any below 500
  Duration interval = std::chrono::seconds(5);
  Duration timeout = std::chrono::seconds(2);
  uint32_t fails = 3;
  Duration back_off = std::chrono::seconds(1);
  Duration back_off_most = std::chrono::seconds(60);
  Duration slow_start = std::chrono::seconds(10);
};

enum class Reload : uint8_t { kAuto, kManual };

// Of what processes are forked from: an interpreter that has loaded the application.
struct Template {
  bool enabled = true;  // of a pool: whether its instances are forked at all
  Duration start_timeout = std::chrono::seconds(60);
  Duration idle_timeout = std::chrono::minutes(10);  // 0: never; for a pool unless said
  Reload reload = Reload::kAuto;
  uint32_t most = 32;  // of programs of type cgi, at once
};

// What the kernel holds each process of an application to, setrlimit(2). 0: what the server is held to.
struct ProcessLimits {
  uint32_t open_files = 0;  // 0: 1024, which the program may raise as far as the server could
  uint32_t processes = 0;   // of its user, whoever started them
  Bytes address_space{};
  Bytes file_size{};
  Duration cpu_time{};  // of the processor, in whole seconds
  bool core_dumps = true;
};

// How an application is kept apart from everything else (docs/applications.md).
enum class Sandbox : uint8_t { kOff, kDefault, kStrict };
enum class Network : uint8_t { kOn, kLoopback, kOff };

// What all processes of an application together may use, cgroups(7), version 2. 0: no limit.
struct Cgroup {
  Bytes memory{};
  uint32_t processes = 0;
  uint32_t cpu = 0;  // percent of one core
  bool is_asked_for() const { return memory.count != 0 || processes != 0 || cpu != 0; }
};

using base::Peer;
using Peers = std::vector<Peer>;
using Paths = std::vector<Path>;

struct App {
  std::string name;
  AppType type = AppType::kCgi;
  AppModel model = AppModel::kExec;  // unless said: remote of scgi, exec of cgi, pool of all others
  AppRole role = AppRole::kResponder;
  Path root;     // scripts below it
  Path program;  // exec: answers everything under the route (or root is set); pool: what instances run
  StringList arguments;
  std::string entry_point;  // of wsgi and psgi; empty: the loader looks for it
  Path interpreter;         // of wsgi, psgi and Node's scripts; found in root or the system's unless said
  uint32_t threads = 1;     // of each instance of wsgi
  Template preloaded;
  Path directory;  // empty: root, else the program's own
  StringMap environment;
  StringMap ini;  // of php: settings that scripts cannot change
  Scheduling scheduling = Scheduling::kBatch;
  StringList scripts;  // suffixes; empty: any file is a script
  StringList index;
  std::string fallback;                            // path below root, beginning with "/"
  bool pass_authorization = false;                 // true for http unless said
  bool allow_encoded_slash = false;                // true for http unless said
  Duration time_limit = std::chrono::seconds(60);  // 0: none, as for http unless said
  Duration connect_timeout = std::chrono::seconds(5);
  Duration send_timeout = std::chrono::seconds(30);
  Duration first_byte_timeout{};  // 0: only time_limit; kHttpFirstByte for http unless said
  Duration read_timeout = std::chrono::seconds(60);
  uint32_t concurrency = 32;  // exec, fork: in all; remote: in all, kFarmConcurrency unless said
  uint32_t queue = 128;
  Duration queue_time = std::chrono::seconds(30);
  Duration exit_grace = std::chrono::seconds(5);
  Bytes head_limit = kibibytes(64);
  Bytes errors_limit = mebibytes(1);
  bool non_parsed_headers = true;
  Path spool_directory{"/tmp"};
  Bytes spool_above = mebibytes(1);
  Bytes body{};                   // limits.body unless said
  bool request_buffering = true;  // false for exec and fork unless said
  Bytes response_buffer = kibibytes(256);
  Bytes response_spill = gibibytes(1);  // 0: none, the application waits
  OnClientGone on_client_gone = OnClientGone::kAbort;
  uint32_t retries = 2;
  Listen listen = Listen::kDescriptor;  // of http in a pool
  Forwarded forwarded = Forwarded::kReplace;
  Duration upgraded_idle_time = std::chrono::hours(1);  // 0: no limit
  Paths sendfile_roots;
  Multiplex multiplex = Multiplex::kAuto;
  uint32_t requests_per_connection = 0;                      // 0: no limit
  uint32_t keep_connections = kAsManyAsItTakes;              // kFarmKeeps for remote unless said
  Duration idle_connection_time = std::chrono::seconds(60);  // kFarmIdleTime for remote unless said
  std::string sticky_cookie;
  Instances instances;
  Health health;
  Peers peers;
  Balance balance = Balance::kLeastConnections;
  std::string hash_key;  // "path", "client", "cookie:NAME"; "path" for balance = "hash" unless said
  Duration resolve_interval = std::chrono::seconds(30);
  std::string user;
  std::string group;
  std::optional<Identity> identity;  // set when user or group is
  ProcessLimits process_limits;
  std::string umask = "022";
  uint32_t nice = 0;
  bool no_new_privileges = false;  // true for sandbox = "strict"
  Sandbox sandbox = Sandbox::kOff;
  Paths writable;                      // of kStrict
  Paths readable;                      // of kStrict: what would be hidden otherwise
  Bytes private_tmp = mebibytes(256);  // of kStrict
  Network network = Network::kOn;      // kOff for sandbox = "strict" unless said
  StringList pass_environment;         // names, or beginnings of names with "*" behind them
  Cgroup cgroup;
  Origin origin;

  // Whether an interpreter runs it by a loader of this server's: it has an entry point and no program.
  // Whether a loader has one application to load, which answers every path.
  bool is_loaded() const {
    return type == AppType::kWsgi || type == AppType::kRack || type == AppType::kPsgi;
  }
  // Whether one template loads what all requests need; else each program has one, or none.
  bool is_preloaded() const { return is_loaded() || type == AppType::kPhp; }
  // Whether its program is a script that Node.js runs with a loader of this server's.
  bool is_node_script() const;

  static constexpr uint32_t kAsManyAsItTakes = UINT32_MAX;
  static constexpr uint32_t kFarmConcurrency = 1024;
  static constexpr uint32_t kFarmKeeps = 8;
  static constexpr Duration kFarmIdleTime = std::chrono::seconds(1);
  static constexpr Duration kHttpFirstByte = std::chrono::seconds(60);
  static constexpr uint32_t kHttpConcurrency = 64;
  static constexpr uint32_t kStrictProcesses = 512;
};

enum class Listing : uint8_t { kOff, kHtml, kJson, kAuto };
enum class Dotfiles : uint8_t { kHide, kServe };

struct Files {
  Path root;
  StringList index{"index.html"};
  Listing listing = Listing::kOff;
  std::string fallback;  // path below root, beginning with "/"
  std::string cache_control;
  Dotfiles dotfiles = Dotfiles::kHide;
  bool precompressed = true;
};

struct Redirect {
  std::string url;
  uint32_t status = 302;
  bool keep_path = false;  // append what follows the route's path
  bool keep_query = false;
};

struct Respond {
  uint32_t status = 404;
  std::string text;  // the content; empty: an error page, or none below 400
};

enum class Action : uint8_t { kFiles, kApp, kRedirect, kRespond };

// One rule: the first route whose host, path and method match decides. server/router.h does the matching.
struct Route {
  StringList host;  // lower case, without port and trailing dot; "*.example.org"; empty: any
  std::string path =
      "/";  // "/a/": it and everything below; "=/a": exactly it; with "*": a glob over the whole path
  StringList method;  // empty: any
  Action action = Action::kFiles;
  std::string app;
  size_t app_index = 0;  // into Config::apps, for kApp
  Files files;           // for kFiles, and with files_first()
  Redirect redirect;
  Respond respond;
  std::string authorize;                  // an application of role authorizer guards this route
  std::string filter;                     // an application of role filter gets what the files would have sent
  std::optional<size_t> authorize_index;  // into Config::apps
  std::optional<size_t> filter_index;
  bool internal = false;  // reached by internal redirects only
  Origin origin;

  // kApp with a directory beside it: what is a file and no script is served, the application gets the rest.
  bool files_first() const { return action == Action::kApp && !files.root.empty(); }
};

// A mistake, or something doubtful, that a person should see.
struct Diagnostic {
  enum class Severity : uint8_t { kError, kWarning };
  Severity severity = Severity::kError;
  Origin where;
  std::string what;
  std::string hint;  // may be empty
  bool operator==(const Diagnostic&) const = default;
};

// "remuda.toml:3:8: what; hint", "command line: what; hint"; warnings begin "remuda.toml:3:8: warning: ".
std::string to_string(const Diagnostic& diagnostic);

struct Config {
  std::string file;            // as it was named; empty when made from the command line
  std::string base_directory;  // absolute; where relative paths begin
  std::string recognised;  // "a Django project (manage.py)": what a directory was found to hold; empty: files
  std::string identity;    // absolute path of the file, or of the directory that is served: what tells this
                           // server from others
  Server server;
  Workers workers;
  std::vector<Listener> listeners;  // never empty
  Timeouts timeouts;
  Limits limits;
  Log log;
  Pool pool;
  std::vector<App> apps;
  std::vector<Route> routes;

  // Where each value that is not a default came from, by its name: "limits.body", "app.git.program",
  // "route[0].path".
  std::map<std::string, Origin, std::less<>> origins;
  std::vector<Diagnostic> warnings;

  Origin origin_of(std::string_view name) const;  // kDefault when it was not said
};

// Where this server keeps its sockets: a directory of its own, named by the configuration's identity, below
// server.run_directory, or /run/remuda for root, else $XDG_RUNTIME_DIR/remuda, else /tmp/remuda-UID. Server
// and command line find the same. Made by the supervisor.
std::string run_directory(const Config& config);

}  // namespace remuda::config
