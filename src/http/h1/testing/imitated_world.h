// SPDX-License-Identifier: Apache-2.0
//
// World: a connection in an imitated world, for the stories that the driver's tests tell. What goes in, what
// comes out, when it closes, and what the log hears; deadlines pass on a made-up clock. One world for each
// test, one thread.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "http/h1/connection.h"
#include "http/h1/testing/scripted_service.h"
#include "loop/backend/deterministic.h"

namespace remuda::http::h1::testing {

inline constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: example\r\n\r\n";

struct World {
  explicit World(Options options = {}, size_t buffer = loop::DeterministicBackend::kBufferBytes) {
    std::tie(near, far) = [&] {
      const auto ends = backend.connection(buffer);
      return std::pair(ends.near, ends.far);
    }();
    options.server_name = "";
    driver.emplace(loop, service, options);
    service.answer = [this](Exchange& exchange) { return hello(exchange); };
  }

  loop::Task<void> hello(Exchange& exchange) {
    ++handled;
    exchange.response.status = 200;
    exchange.response.content = MemoryContent{"hello"};
    co_return;
  }

  void start() { loop.root().spawn(driver->serve(loop::LoopFd(loop, base::Fd(near)), Address())); }
  // Serves `request` and then the client's end of sending, to the end of the connection.
  std::string serve(std::string_view request) {
    EXPECT_EQ(backend.put(far, request), request.size());
    backend.end_sending(far);
    return run();
  }
  std::string run() {
    start();
    loop.run();
    EXPECT_FALSE(backend.was_stuck());
    EXPECT_EQ(driver->connections(), 0U);
    EXPECT_EQ(backend.open_descriptors(), 0U);
    for (const auto& [id, times] : service.times_finished) EXPECT_EQ(times, 1) << "exchange " << id;
    return backend.take(far);
  }
  loop::Duration elapsed() { return backend.now() - began; }
  // What the client has received at some time.
  void look_after(loop::Duration delay, std::string& into) {
    backend.after(delay, [this, &into] { into = backend.take(far); });
  }

  loop::DeterministicBackend backend;
  loop::Loop loop{backend};
  ScriptedService service;
  std::optional<Driver> driver;
  int near = -1;
  int far = -1;
  int handled = 0;
  loop::Time began = backend.now();
};

inline std::string without_dates(std::string text) {
  for (size_t at = text.find("Date: "); at != std::string::npos; at = text.find("Date: ", at))
    text.erase(at, text.find("\r\n", at) + 2 - at);
  return text;
}

inline size_t count_of(std::string_view what, std::string_view in) {
  size_t count = 0;
  for (size_t at = in.find(what); at != std::string_view::npos; at = in.find(what, at + 1)) ++count;
  return count;
}

}  // namespace remuda::http::h1::testing
