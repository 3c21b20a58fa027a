// SPDX-License-Identifier: Apache-2.0
//
// AppHandler: the exchange driver. Answers requests with an application that a Source lends, over the CGI
// wire.
//
// One for each route to an application and loop; outlives its exchanges. The story of a request:
//
//     look the script up -> spool the body if its length is unknown -> meta-variables -> acquire a lease
//       -> read the head of the response (while the body is pumped in and standard error is logged)
//       -> hand the rest to the driver as a stream, pulled as fast as the client reads
//
// What still runs when the exchange has ended goes on below the loop's root scope until the program has
// ended: see Run. The application decides when it began; a client that left ends it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "apps/source.h"
#include "gateway/app_log.h"
#include "http/handler.h"
#include "loop/loop.h"
#include "loop/offload.h"

namespace remuda::gateway {

class ScriptLookup;

// "%2F" in a path; allowed, it is a "/" like any other.
enum class EncodedSlash : uint8_t { kRefuse, kAllow };
enum class Authorization : uint8_t { kKeep, kPass };        // HTTP_AUTHORIZATION for the program
enum class NonParsedHeaders : uint8_t { kRefuse, kAllow };  // programs named nph-*

// The gateway's own options; the composition translates the configuration into them.
struct AppOptions {
  std::string name;     // of the application
  std::string mount;    // of the route, without a slash at its end: "/cgi-bin"; "" is the whole path
  std::string root;     // scripts are looked up below it; empty for a fixed program
  std::string program;  // the fixed program: SCRIPT_NAME is the mount, the rest of the path is PATH_INFO
  std::string document_root;  // DOCUMENT_ROOT; empty: root
  std::string server_software = "Remuda/" REMUDA_VERSION;
  std::string server_name = "localhost";  // SERVER_NAME when a request has no authority
  std::string server_admin;               // empty: unset
  EncodedSlash encoded_slash = EncodedSlash::kRefuse;
  Authorization authorization = Authorization::kKeep;
  NonParsedHeaders non_parsed_headers = NonParsedHeaders::kAllow;

  loop::Duration time_limit = std::chrono::seconds(60);  // from start to the last byte of output
  loop::Duration exit_grace =
      std::chrono::seconds(5);  // output held open by others after the program has exited
  loop::Duration gather_time =
      std::chrono::milliseconds(5);    // the first bytes wait so long for the end of output
  size_t head_limit = 64 * 1024;       // of the response's header block, bytes
  uint64_t body_limit = UINT64_MAX;    // 413 beyond
  uint64_t spool_above = 1024 * 1024;  // a body of unknown length stays in memory up to here, bytes
  std::string spool_directory = "/tmp";
  uint64_t errors_limit =
      1024 * 1024;  // of standard error that is logged for one request, bytes; the rest is counted
};

class AppHandler final : public http::Handler {
 public:
  // All outlive the handler and every program it started. `offload` looks up scripts and writes spool files.
  AppHandler(loop::Loop& loop, apps::Source& source, loop::Offload& offload, AppLog& log, AppOptions options);
  ~AppHandler() override;

  loop::Task<void> handle(http::Exchange& exchange) override;

 private:
  apps::Source& source_;
  loop::Offload& offload_;
  AppLog& log_;
  const AppOptions options_;
  const std::string label_;  // "app gitweb"
  std::unique_ptr<ScriptLookup> lookup_;
};

}  // namespace remuda::gateway
