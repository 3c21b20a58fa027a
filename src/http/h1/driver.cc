// SPDX-License-Identifier: Apache-2.0
//
// Pools, the list of idle connections, the cached date.
#include "http/h1/driver.h"

#include "base/http_date.h"
#include "http/h1/connection.h"

namespace remuda::http::h1 {

Driver::Driver(loop::Loop& loop, Service& service, Options options)
    : loop_(loop), service_(service), options_(std::move(options)) {
  pool_.reserve(kPooled);
}

Driver::~Driver() { CHECK(connection_count_ == 0); }

loop::Task<void> Driver::serve(loop::LoopFd socket, const Address& peer) {
  return Connection::run(Connection(*this, std::move(socket), peer));
}

void Driver::close_idle() {
  idle_.for_each([](Connection& connection) { connection.close_idle(); });
}

void Driver::close_oldest_idle(loop::Duration at_least) {
  if (idle_.empty()) return;
  Connection& oldest = idle_.front();
  if (oldest.idle_since() + at_least <= loop_.now()) oldest.close_idle();
}

void Driver::became_idle(Connection& connection) { idle_.push_back(connection); }

std::unique_ptr<Active> Driver::lend() {
  if (pool_.empty()) return std::make_unique_for_overwrite<Active>();
  std::unique_ptr<Active> active = std::move(pool_.back());
  pool_.pop_back();
  return active;
}

void Driver::give_back(std::unique_ptr<Active> active) {
  if (pool_.size() < kPooled) pool_.push_back(std::move(active));
}

Borrowed::Borrowed(Driver& driver) : driver_(driver), active_(driver.lend()) {}

Borrowed::~Borrowed() { driver_.give_back(std::move(active_)); }

std::string_view Driver::date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_second_) [[unlikely]] {
    date_second_ = now;
    base::format_http_date(now, date_);
  }
  return {date_.data(), date_.size()};
}

}  // namespace remuda::http::h1
