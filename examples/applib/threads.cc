// SPDX-License-Identifier: Apache-2.0
//
// Handlers that take their time, in several threads: "?ms=N" is answered after N milliseconds, unless nobody
// waits for it any more. $THREADS says how many (default: 8).
#include <remuda_app.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace {

// In steps, so that work for a client that has gone is dropped.
bool take_time(remuda_request* request, std::chrono::milliseconds time) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + time;
  while (Clock::now() < end) {
    if (remuda_aborted(request) != 0) return false;
    std::this_thread::sleep_for(std::min<Clock::duration>(end - Clock::now(), std::chrono::milliseconds(20)));
  }
  return true;
}

int on_request(remuda_request* request, void* /*context*/) {
  const char* query = remuda_param(request, "QUERY_STRING");
  const char* ms = query != nullptr ? std::strstr(query, "ms=") : nullptr;
  const std::chrono::milliseconds time(ms != nullptr ? std::strtol(ms + 3, nullptr, 10) : 0);
  if (!take_time(request, time)) {
    remuda_logf(request, "given up\n");
    return 1;
  }
  remuda_printf(request, "Content-Type: text/plain\r\n\r\nafter %ld ms\n", static_cast<long>(time.count()));
  return 0;
}

}  // namespace

int main() {
  const char* threads = std::getenv("THREADS");
  remuda_options options = REMUDA_OPTIONS;
  options.threads = threads != nullptr ? static_cast<unsigned>(std::strtoul(threads, nullptr, 10)) : 8;
  remuda_app* app = remuda_open(&options);
  remuda_handler handler{};
  handler.request = on_request;
  if (app == nullptr || remuda_serve(app, &handler) != 0) {
    std::perror("threads");
    return 1;
  }
  return remuda_close(app);
}
