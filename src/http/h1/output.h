// SPDX-License-Identifier: Apache-2.0
//
// Output: the sending side of one connection during one exchange: whole writes, deadlines, the account of
// bytes, and the order of interim responses and the final one.
//
//     interim responses, one at a time --> begin_final() --> the final response: nobody else sends from here
//
// A client must make room for something within `response_time`, and on the whole must read at
// `response_rate`: the time that sends spend waiting is summed up, so a program that produces slowly is not
// held against its reader.
#pragma once

#include <sys/uio.h>

#include <span>

#include "http/h1/driver.h"
#include "loop/event.h"

namespace remuda::http::h1 {

// What one story moves before the others of its loop get their turn.
constexpr size_t kFairShare = 512 * 1024;

class Output {
 public:
  Output(Driver& driver, int socket) : driver_(driver), socket_(socket), interim_ended_(driver.loop()) {}

  // Sends every byte. `pieces` is used up. `flags`: MSG_MORE if something follows at once.
  loop::Task<base::Result<void>> send(std::span<iovec> pieces, int flags);

  // Sends `length` bytes of `file` from `offset` on, in pieces between which other connections get their
  // turn. EIO when the file ends early.
  loop::Task<base::Result<void>> send_file(FileContent file);

  // The first try of send(), for the case that everything fits at once: no coroutine of its own.
  auto send_once(const msghdr& message, int flags) {
    began_ = driver_.loop().now();
    return driver_.loop().send_message(socket_, message, flags, deadline());
  }
  void sent(size_t bytes) { bytes_ += bytes; }

  // Sends an interim response, after any other that is under way. Does nothing once the final response has
  // begun.
  loop::Task<base::Result<void>> send_interim(std::string_view head);
  // The same, unless it would have to wait.
  loop::Task<base::Result<void>> try_interim(std::string_view head);

  // No interim response begins after this. False: settle() is to be awaited before the final response.
  bool begin_final() {
    final_ = true;
    return !interim_under_way_ && !broken_;
  }
  bool final_begun() const { return final_; }
  // Waits for the interim response that is under way. EPIPE: it was cut off, nothing can follow it.
  loop::Task<base::Result<void>> settle();

  // After a send that timed out: whether to try again, because the client has taken bytes lately and is not
  // below its least rate. The kernel says "writable" only when a third of its buffer is free, which can be
  // megabytes: a slow but steady client takes longer for them than response_time.
  bool may_wait_on(const base::Error& error);

  // A failed send in the words of the log.
  static std::unexpected<base::Error> client_failure(const base::Error& error);

  uint64_t bytes() const { return bytes_; }
  int socket() const { return socket_; }

 private:
  // Until the client is looked at again.
  loop::Time deadline() const {
    const loop::Duration a_while = driver_.options().response_time / kLooks;
    const loop::Duration patience =
        waited_ == loop::Duration::zero() ? a_while : std::min(a_while, rate_patience());
    return driver_.loop().now() + patience;
  }
  // How much longer the client may keep the server waiting on the whole.
  loop::Duration rate_patience() const;
  void count(size_t bytes);

  static constexpr int kLooks = 4;  // in one response_time

  Driver& driver_;
  int socket_;
  bool final_ = false;
  bool interim_under_way_ = false;
  bool broken_ = false;
  uint64_t bytes_ = 0;
  loop::Time began_{};       // the send that is under way
  loop::Duration waited_{};  // in all sends
  loop::Duration quiet_{};   // since the client was last seen to take a byte
  uint64_t taken_ = 0;       // bytes_ without what is in the kernel's buffer, when that was last seen
  loop::Event interim_ended_;
};

}  // namespace remuda::http::h1
