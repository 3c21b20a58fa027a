// SPDX-License-Identifier: Apache-2.0
//
// Many answers at once in one thread, by events: "?bytes=N" gets N bytes of a pattern as fast as its reader
// takes them, while all others get theirs. Nothing here ever waits for one client.
#include <remuda_app.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace {

constexpr auto kPattern = [] {
  std::array<char, 65536> bytes{};
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>('a' + i % 26);
  return bytes;
}();

struct Answer {
  unsigned long long size;
  unsigned long long sent = 0;
};

void finish(remuda_request* request, int status) {
  delete static_cast<Answer*>(remuda_context(request));
  remuda_finish(request, status);
}

// Writes what there is room for; true when the answer is complete.
bool go_on(remuda_request* request, Answer& answer) {
  while (answer.sent < answer.size) {
    const size_t from = answer.sent % (26 * 2520);  // a multiple of the pattern's period, within it
    const auto most =
        static_cast<size_t>(std::min<unsigned long long>(kPattern.size() - from, answer.size - answer.sent));
    const ssize_t taken = remuda_write_now(request, kPattern.data() + from, most);
    if (taken < 0) return false;
    answer.sent += static_cast<size_t>(taken);
  }
  return true;
}

void on_writable(remuda_request* request, void* /*context*/) {
  if (go_on(request, *static_cast<Answer*>(remuda_context(request)))) finish(request, 0);
}

void on_aborted(remuda_request* request, void* /*context*/) { finish(request, 1); }

int on_request(remuda_request* request, void* /*context*/) {
  const char* query = remuda_param(request, "QUERY_STRING");
  const char* bytes = query != nullptr ? std::strstr(query, "bytes=") : nullptr;
  auto answer =
      std::make_unique<Answer>(Answer{bytes != nullptr ? std::strtoull(bytes + 6, nullptr, 10) : 0});
  remuda_puts(request, "Content-Type: text/plain\r\n\r\n");
  if (go_on(request, *answer)) return 0;
  remuda_set_context(request, answer.release());
  return REMUDA_LATER;
}

}  // namespace

int main() {
  remuda_options options = REMUDA_OPTIONS;
  options.concurrency = 1000;
  remuda_app* app = remuda_open(&options);
  remuda_handler handler{};
  handler.request = on_request;
  handler.writable = on_writable;
  handler.aborted = on_aborted;
  if (app == nullptr || remuda_serve(app, &handler) != 0) {
    std::perror("stream");
    return 1;
  }
  return remuda_close(app);
}
