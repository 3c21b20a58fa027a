// SPDX-License-Identifier: Apache-2.0
//
// The work that codec_budget.py counts the instructions of. Each case is one request's worth of the HTTP/1.1
// codec, with everything constructed anew as a connection does it. Usage: codec_budget CASE; the case runs
// once to warm up (dynamic linking), then once inside measured(), which callgrind is told to look at.
#include <array>
#include <cstdio>
#include <string_view>

#include "base/check.h"
#include "http/h1/head_parser.h"
#include "http/h1/response_writer.h"
#include "http/target.h"

namespace {

using namespace remuda;

constexpr std::string_view kSmall =
    "GET / HTTP/1.1\r\n"
    "Host: 127.0.0.1:8080\r\n"
    "\r\n";

constexpr std::string_view kBrowser =
    "GET /assets/css/site.css?v=20260101 HTTP/1.1\r\n"
    "Host: www.example.org:8443\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
    "Safari/537.36\r\n"
    "Accept: text/css,*/*;q=0.1\r\n"
    "Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Connection: keep-alive\r\n"
    "Referer: https://www.example.org:8443/index.html\r\n"
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
    "Sec-Fetch-Dest: style\r\n"
    "Sec-Fetch-Mode: no-cors\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "If-None-Match: \"65f0a1b2-1234\"\r\n"
    "\r\n";

const http::h1::HeadLimits kLimits;

void parse(std::string_view head) {
  alignas(64) std::byte block[4096];
  base::Arena arena(block);
  http::Request request(arena);
  http::h1::HeadParser parser(request, kLimits);
  CHECK(parser.parse(head) == http::h1::Outcome::kComplete);
}

void write_small_file_head() {
  static std::array<char, 2048> room;
  alignas(64) std::byte block[4096];
  base::Arena arena(block);
  http::Response response(arena);
  response.status = 200;
  response.prepared_fields =
      "Content-Type: text/html; charset=utf-8\r\nETag: \"65f0a1b2-400\"\r\n"
      "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nAccept-Ranges: bytes\r\n";
  const auto size = http::h1::write_response_head(room,
                                                  {.date = "Sun, 06 Nov 1994 08:49:37 GMT",
                                                   .server = "remuda",
                                                   .framing = http::h1::ResponseFraming::kLength,
                                                   .length = 1024,
                                                   .keep_alive = true},
                                                  response);
  CHECK(size.has_value());
}

void write_application_head() {
  static std::array<char, 2048> room;
  alignas(64) std::byte block[4096];
  base::Arena arena(block);
  http::Response response(arena);
  response.status = 200;
  response.fields.add("Content-Type", "text/html; charset=utf-8");
  response.fields.add("Cache-Control", "no-cache, no-store, must-revalidate");
  response.fields.add("X-Powered-By", "an application");
  response.fields.add("Set-Cookie", "session=0123456789abcdef0123456789abcdef; Path=/; HttpOnly");
  const auto size = http::h1::write_response_head(room,
                                                  {.date = "Sun, 06 Nov 1994 08:49:37 GMT",
                                                   .server = "remuda",
                                                   .framing = http::h1::ResponseFraming::kChunked,
                                                   .keep_alive = true},
                                                  response);
  CHECK(size.has_value());
}

void decode_plain_path() {
  alignas(64) std::byte block[256];
  base::Arena arena(block);
  CHECK(http::decode_path("/assets/css/site.css", http::EncodedSlash::kRefuse, arena).has_value());
}

struct Case {
  std::string_view name;
  void (*run)();
};
constexpr Case kCases[] = {{"small", [] { parse(kSmall); }},
                           {"browser", [] { parse(kBrowser); }},
                           {"file_head", write_small_file_head},
                           {"application_head", write_application_head},
                           {"path", decode_plain_path}};

}  // namespace

extern "C" __attribute__((noinline)) void measured(void (*run)()) { run(); }

int main(int argc, char** argv) {
  for (const Case& one : kCases) {
    if (argc != 2 || one.name != argv[1]) continue;
    one.run();
    measured(one.run);
    return 0;
  }
  std::fprintf(stderr, "usage: codec_budget CASE\n");
  return 2;
}
