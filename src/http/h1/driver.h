// SPDX-License-Identifier: Apache-2.0
//
// Driver: everything that the HTTP/1.1 connections of one loop share. Owned by the worker's loop; one thread.
//
// What a request needs while it is under way (buffers, arena, exchange) is an Active, lent from a pool: the
// last one given back is lent next, still warm in the cache, and an idle connection holds none.
#pragma once

#include <array>
#include <ctime>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/list.h"
#include "http/address.h"
#include "http/h1/options.h"
#include "http/handler.h"
#include "http/local_ends.h"
#include "loop/loop.h"

namespace remuda::http::h1 {

class Connection;
struct Active;

class Driver {
 public:
  // `loop` and `service` outlive the driver.
  Driver(loop::Loop& loop, Service& service, Options options);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // Serves one connection to its end, then closes it. `socket` is a connected stream socket, non-blocking.
  loop::Task<void> serve(loop::LoopFd socket, const Address& peer);

  // `call` is run whenever a connection has ended and is closed. It costs an idle connection less than a
  // story of its own around serve().
  void when_one_ends(std::function<void()> call) { one_ended_ = std::move(call); }

  // Closes idle connections now; a request that has just arrived is still answered. The others close after
  // their current response (Service::should_close says so).
  void close_idle();

  // Closes the connection that has been idle for longest, if it has been for `at_least`.
  void close_oldest_idle(loop::Duration at_least);

  size_t connections() const { return connection_count_; }

  // --- for its connections ---------------------------------------------------------------------------------
  loop::Loop& loop() { return loop_; }
  Service& service() { return service_; }
  const Options& options() const { return options_; }
  void began() { ++connection_count_; }
  void ended() {
    --connection_count_;
    if (one_ended_) one_ended_();
  }
  // Puts it behind all others that are idle, so that the longest idle one stands first.
  void became_idle(Connection& connection);
  std::unique_ptr<Active> lend();
  void give_back(std::unique_ptr<Active> active);
  // The Date field's value, written once a second (RFC 9110 section 6.6.1).
  std::string_view date();
  // Where the connections of this loop came in.
  LocalEnds& local_ends() { return local_ends_; }

 private:
  static constexpr size_t kPooled = 64;

  loop::Loop& loop_;
  Service& service_;
  Options options_;
  base::List<Connection> idle_;  // they leave it by themselves
  size_t connection_count_ = 0;
  std::function<void()> one_ended_;
  std::vector<std::unique_ptr<Active>> pool_;
  LocalEnds local_ends_;
  std::time_t date_second_ = 0;
  std::array<char, 29> date_{};
};

// An Active for as long as this lives.
class Borrowed {
 public:
  explicit Borrowed(Driver& driver);
  ~Borrowed();
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  Active* operator->() const { return active_.get(); }
  Active& operator*() const { return *active_; }

 private:
  Driver& driver_;
  std::unique_ptr<Active> active_;
};

}  // namespace remuda::http::h1
