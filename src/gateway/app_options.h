// SPDX-License-Identifier: Apache-2.0
//
// AppOptions: what the exchange driver has to know of an application at one route. Plain values; the
// composition translates the configuration into them. What concerns only how bytes travel is in WireOptions
// (wire.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gateway/wire.h"
#include "loop/time.h"

namespace remuda::gateway {

// "%2F" in a path; allowed, it is a "/" like any other.
enum class EncodedSlash : uint8_t { kRefuse, kAllow };
enum class Authorization : uint8_t { kKeep, kPass };        // HTTP_AUTHORIZATION for the program
enum class NonParsedHeaders : uint8_t { kRefuse, kAllow };  // programs named nph-*
enum class Executable : uint8_t { kMustBe, kNeedNotBe };    // the mode of scripts: a program, or its input

// Whether a request's body is taken in before the application is given the request: a slow client then holds
// no process, and the body can be sent again.
enum class RequestBuffering : uint8_t {
  kWhenNeeded,  // a body of unknown length: CONTENT_LENGTH must be exact
  kAlways,
};

// A request that may have begun although nothing of an answer came (its connection or process was gone): an
// idempotent one may be sent again (principle 8), once. Not where the application is one's own processes: a
// request that brings one down would bring down the next, and how one ended is known there; only if the
// process has outlived it (Source::outlived).
enum class MayHaveBegun : uint8_t { kIsOver, kIsRiskedOnce };

// What a request goes by where several could answer it: the same key leads to the same one if it can.
enum class KeyBy : uint8_t { kNothing, kCookie, kPath, kClient };

struct AppOptions {
  std::string name;  // of the application

  // --- which file a path means (script_lookup.h)
  std::string mount;    // of the route, without a slash at its end: "/cgi-bin"; "" is the whole path
  std::string root;     // scripts are looked up below it
  std::string program;  // without a root: SCRIPT_FILENAME; the mount is SCRIPT_NAME, the rest PATH_INFO
  std::vector<std::string> scripts;  // suffixes of script files: ".php"; empty: any file
  std::vector<std::string> index;    // scripts that stand for their directory: "index.php"
  std::string fallback;              // the script for what is none: "/index.php", below the root; "": 404
  Executable executable = Executable::kMustBe;

  // --- what an application is told
  std::string document_root;  // DOCUMENT_ROOT; empty: root
  std::string server_software = "Remuda/" REMUDA_VERSION;
  std::string server_name = "localhost";  // SERVER_NAME when a request has no authority
  std::string server_admin;               // empty: unset
  // Beside the variables of every request, where they cannot be given to a process: below the server's own.
  std::vector<std::pair<std::string, std::string>> variables;
  EncodedSlash encoded_slash = EncodedSlash::kRefuse;
  Authorization authorization = Authorization::kKeep;
  NonParsedHeaders non_parsed_headers = NonParsedHeaders::kAllow;

  // --- the exchange
  RequestBuffering request_buffering = RequestBuffering::kWhenNeeded;
  ClientGone on_client_gone = ClientGone::kAbort;
  uint32_t retries = 2;  // times that a request is sent again, when it is safe (principle 8)
  MayHaveBegun may_have_begun = MayHaveBegun::kIsRiskedOnce;
  std::string sticky_cookie;       // its value is the key of a request that has it; empty: there is none
  KeyBy key_by = KeyBy::kNothing;  // of all others
  std::string key_cookie;          // its name, for kCookie
  loop::Duration gather_time = std::chrono::milliseconds(5);  // the first bytes wait so long for the end
  size_t head_limit = 64 * 1024;                              // of the response's header block, bytes
  uint64_t body_limit = UINT64_MAX;                           // 413 beyond
  uint64_t spool_above = 1024 * 1024;  // a body that is taken in stays in memory up to here, bytes
  std::string spool_directory = "/tmp";
};

}  // namespace remuda::gateway
