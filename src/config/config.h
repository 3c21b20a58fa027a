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

enum class AppType : uint8_t { kCgi, kFastcgi, kScgi, kWsgi, kRack, kPsgi, kPhp, kHttp, kModule };
enum class AppModel : uint8_t { kExec, kFork, kPool, kEmbedded, kRemote };

struct App {
  std::string name;
  AppType type = AppType::kCgi;
  AppModel model = AppModel::kExec;
  Path root;     // scripts below it; exactly one of root and program is set
  Path program;  // answers everything under the route
  StringMap environment;
  bool pass_authorization = false;
  bool allow_encoded_slash = false;
  Duration time_limit = std::chrono::seconds(60);
  uint32_t concurrency = 32;
  uint32_t queue = 128;
  Duration queue_time = std::chrono::seconds(30);
  Duration exit_grace = std::chrono::seconds(5);
  Bytes head_limit = kibibytes(64);
  Bytes errors_limit = mebibytes(1);
  bool non_parsed_headers = true;
  Path spool_directory{"/tmp"};
  Bytes spool_above = mebibytes(1);
  Bytes body{};  // limits.body unless said
  std::string user;
  std::string group;
  std::optional<Identity> identity;  // set when user or group is
  Origin origin;
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
  Files files;
  Redirect redirect;
  Respond respond;
  Origin origin;
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
  Server server;
  Workers workers;
  std::vector<Listener> listeners;  // never empty
  Timeouts timeouts;
  Limits limits;
  Log log;
  std::vector<App> apps;
  std::vector<Route> routes;

  // Where each value that is not a default came from, by its name: "limits.body", "app.git.program",
  // "route[0].path".
  std::map<std::string, Origin, std::less<>> origins;
  std::vector<Diagnostic> warnings;

  Origin origin_of(std::string_view name) const;  // kDefault when it was not said
};

}  // namespace remuda::config
