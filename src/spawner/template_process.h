// SPDX-License-Identifier: Apache-2.0
//
// TemplateProcess: one template as a process: its channel, what it writes, the forks that were asked of it.
// Only I/O and bookkeeping; what follows from what it says is TemplateGroup's to decide.
//
// It is the application's code under the application's user. It is never waited for, and nothing that it says
// is believed: the kernel names who sent a packet (SCM_CREDENTIALS), and a fork that it speaks of is looked
// at (is_fork()). Spawner's process only.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "spawner/app.h"
#include "spawner/template_journey.h"
#include "spawner/template_protocol.h"
#include "spawner/wanted.h"

namespace remuda::spawner {

struct LoaderCommand;

struct Sender {
  pid_t pid = 0;
  uid_t user = 0;
};

class TemplateProcess {
 public:
  // kLeaving: it was told to end, or is to be killed.
  enum class Stage : uint8_t { kLoading, kReady, kLeaving };
  enum class Asking : uint8_t { kAsked, kNoRoom, kTooLong };
  enum class Hearing : uint8_t { kRecord, kNothing, kEnd, kRubbish };

  static std::expected<std::unique_ptr<TemplateProcess>, Refusal> start(App& app,
                                                                        const LoaderCommand& command,
                                                                        const char* directory,
                                                                        uint32_t generation, int64_t now);

  pid_t pid() const { return pid_; }
  uint32_t generation() const { return generation_; }
  int channel() const { return channel_.get(); }
  int output() const { return output_.get(); }

  // Takes it, or leaves it as it was.
  Asking ask(Wanted& wanted);
  // What was asked and is not answered yet, by serial.
  std::unordered_map<uint64_t, Wanted>& asked() { return asked_; }
  bool is_full() const { return full_; }
  void has_room() { full_ = false; }

  // The next record; it points into `room`.
  Hearing hear(std::span<std::byte> room, TemplateRecord& record, Sender& sender);
  // It hears that it is to end, and can still speak.
  void say_end();
  // It has ended: nothing can be said any more, and hear() gives what was.
  void shut();
  void close_channel() { channel_.reset(); }

  // What it has written since; a bounded piece of it. False: the end.
  bool read_output(LineCutter& lines);
  void close_output() { output_.reset(); }
  // Whether one more line may be passed on: not too many in a second.
  bool may_speak(int64_t now);

  // Whether `sender` is a process of its own group that this template has forked; `pidfd` is its. One that
  // has been waited for already has no pidfd, and is one.
  bool is_fork(const Sender& sender, base::Fd& pidfd) const;

  // To its process group, until shut().
  void signal(int number) const;

  Stage stage = Stage::kLoading;
  TemplateJourney journey;
  std::string why_it_leaves;
  int64_t last_heard = 0;
  int64_t kill_at = 0;  // 0: nobody wants that
  LineCutter lines;

 private:
  TemplateProcess(pid_t pid, uint32_t generation, int64_t now)
      : journey(now), pid_(pid), generation_(generation) {}

  pid_t pid_;
  uint32_t generation_;
  bool any_user_ = false;
  uid_t user_ = 0;
  bool full_ = false;
  bool is_shut_ = false;
  base::Fd channel_;
  base::Fd output_;
  std::unordered_map<uint64_t, Wanted> asked_;
  int64_t second_ = 0;
  size_t lines_in_second_ = 0;
};

}  // namespace remuda::spawner
