// SPDX-License-Identifier: Apache-2.0
//
// Doors: the sockets that instances are reached at, as the home loop makes them. A seam, so that stories are
// tested without a kernel; UnixDoors is the real thing.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "loop/loop.h"
#include "loop/task.h"
#include "loop/time.h"

namespace remuda::apps::pool {

class Doors {
 public:
  // A listening socket at `path`, mode 0600, for somebody else's descriptor 0: it blocks. Whatever was at
  // the path is replaced. Errors: of socket(2), bind(2), ENAMETOOLONG.
  virtual base::Result<base::Fd> open(const std::string& path) = 0;
  virtual void remove(const std::string& path) = 0;
  // A port of 127.0.0.1 that nobody listens at now.
  virtual base::Result<uint16_t> free_port();
  // A connection that asks nothing: that it has been accepted shows that somebody is at home.
  virtual loop::Task<base::Result<loop::LoopFd>> knock(const std::string& path, loop::Time deadline) = 0;
  // Until somebody accepts there and closes what asks nothing: whoever takes one request at a time is done
  // then. ETIMEDOUT: it is not; else nobody is there.
  virtual loop::Task<base::Result<void>> wait_free(const std::string& path, loop::Time deadline) = 0;
  // Whether a connection waits to be accepted.
  virtual bool is_anybody_waiting(int listener) = 0;

 protected:
  ~Doors() = default;
};

class UnixDoors final : public Doors {
 public:
  explicit UnixDoors(loop::Loop& loop) : loop_(loop) {}
  base::Result<base::Fd> open(const std::string& path) override;
  void remove(const std::string& path) override;
  loop::Task<base::Result<loop::LoopFd>> knock(const std::string& path, loop::Time deadline) override;
  loop::Task<base::Result<void>> wait_free(const std::string& path, loop::Time deadline) override;
  bool is_anybody_waiting(int listener) override;

 private:
  loop::Loop& loop_;
};

}  // namespace remuda::apps::pool
