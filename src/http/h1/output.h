// SPDX-License-Identifier: Apache-2.0
//
// Output: the sending side of one connection during one exchange: whole writes, deadlines, and the account of
// bytes.
//
// A client must make room for something within `response_time`, and on the whole must read at
// `response_rate`: the time that sends spend waiting is summed up, so a program that produces slowly is not
// held against its reader.
#pragma once

#include <sys/uio.h>

#include <span>

#include "http/h1/driver.h"

namespace remuda::http::h1 {

class Output {
 public:
  Output(Driver& driver, int socket) : driver_(driver), socket_(socket) {}

  // Sends every byte. `pieces` is used up. `flags`: MSG_MORE if something follows at once.
  loop::Task<base::Result<void>> send(std::span<iovec> pieces, int flags);

  // Sends `length` bytes of `file` from `offset` on, in pieces between which other connections get their
  // turn. EIO when the file ends early.
  loop::Task<base::Result<void>> send_file(FileContent file);

  // The first try of send(), for the case that everything fits at once: no coroutine of its own.
  auto send_once(msghdr& message, int flags) {
    return driver_.loop().send_message(socket_, message, flags, deadline());
  }
  void sent(size_t bytes) { bytes_ += bytes; }

  // A failed send in the words of the log.
  static std::unexpected<base::Error> client_failure(const base::Error& error);

  uint64_t bytes() const { return bytes_; }
  int socket() const { return socket_; }

 private:
  loop::Time deadline() const;

  Driver& driver_;
  int socket_;
  uint64_t bytes_ = 0;
  loop::Duration waited_{};
};

}  // namespace remuda::http::h1
