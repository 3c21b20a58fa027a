// SPDX-License-Identifier: Apache-2.0
//
// TemplateGroup: the generations of one template: of an application, or of one of its CGI programs. Decides
// what becomes of a spawn, when the next generation is loaded, and who serves meanwhile.
//
//     current_   forks                           next_   loads; becomes current_ when it is ready
//     leaving_   were replaced, or failed, and have not been waited for
//     waiting_   spawns that no template has been asked for yet
//
// An application's spawns wait while its first generation loads. Those of a CGI program never wait: they are
// executed while nothing serves that is as the program is now. Of an application that no template can be made
// of, instances are executed, each to load for itself. What a template was asked for and did not fork
// before it died has provably not begun (shut() comes before the last look at its channel): it is asked of
// the next generation, once.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "spawner/app.h"
#include "spawner/loader_choice.h"
#include "spawner/template_host.h"
#include "spawner/template_process.h"

namespace remuda::spawner {

class TemplateGroup {
 public:
  enum class Verdict : uint8_t { kTake, kExecute, kRefuse };

  // `program`: empty for the application's own.
  TemplateGroup(TemplateHost& host, App& app, std::string program, int64_t kill_after);

  // What is to become of a spawn that comes now; loads a generation where there is none. kTake is followed by
  // take().
  Verdict consider(Input input, int64_t now, Refusal& refusal);
  void take(Wanted wanted);
  // Takes what waits and was not asked of a template yet; for one that was asked, remembers the signal.
  bool cancel(const Channel* channel, uint64_t id, int signal);
  // The channel has gone: what waits is dropped, what was asked for arrives without it.
  void forget(const Channel* channel);
  // Whether one of the channel's that came no later than `serial` is not settled.
  bool has_unsettled(const Channel* channel, uint64_t serial) const;

  // The next generation; `renewal` is settled with it. False: nothing runs here, and nothing is to be done.
  bool renew(uint64_t renewal, int64_t now);

  void read(TemplateProcess& process, int64_t now);
  void read_output(TemplateProcess& process, int64_t now);
  void has_room(TemplateProcess& process);
  // It has been waited for.
  void bury(TemplateProcess& process, int status, int64_t now);
  void act_on_time(int64_t now);
  int64_t next_deadline() const;

  // The one that loads or serves is to end.
  void retire(const char* why, int64_t now);
  void end_all(int64_t now);

  void tell_of_those_that_run(const std::function<void(const Reply&)>& tell) const;
  template <typename Call>
  void for_each_process(Call call) const {
    if (current_ != nullptr) call(*current_);
    if (next_ != nullptr) call(*next_);
    for (const auto& process : leaving_) call(*process);
  }
  const App& app() const { return app_; }
  const std::string& program() const { return program_; }
  bool has_processes() const { return current_ != nullptr || next_ != nullptr || !leaving_.empty(); }
  bool runs() const { return current_ != nullptr || next_ != nullptr; }
  bool serves() const { return current_ != nullptr && next_ == nullptr; }
  size_t waiting() const { return waiting_.size(); }
  int64_t last_used() const { return last_used_; }

  // Asked before a first generation is loaded: whether one more template may be.
  std::function<bool()> make_room = [] { return true; };

 private:
  using ProcessPointer = std::unique_ptr<TemplateProcess>;
  using State = TemplateState::State;

  bool is_of_program() const { return !program_.empty(); }
  bool is_usable() const;
  bool is_executed(Input input) const;
  const char* executable() const;
  bool may_try(int64_t now);
  int64_t fork_patience() const;

  // How generations come and go.
  LoaderCommand command() const;
  bool load(std::string_view why, int64_t now);
  void become_current(int64_t now);
  void fail_next(int error, std::string_view why, int64_t now);
  void failed(const Refusal& refusal, const TemplateState& state, int64_t now);
  std::string instead() const;
  void back_off(const Refusal& refusal, int64_t now);
  void crashed(const Refusal& refusal, int64_t now);
  void leave(ProcessPointer& process, std::string why, int64_t now);
  void end_if_settled(TemplateProcess& process, int64_t now);
  void condemn(TemplateProcess& process, const char* why, int64_t now);
  void forget_current();
  void tell(const TemplateProcess& process, State state, std::string_view detail) const;
  void settle_renewals(int error, std::string_view detail);

  // What becomes of spawns.
  void go_on();
  void give_up_waiting();
  void ask_again(TemplateProcess& process);
  void redo(Wanted wanted);

  // What a template says.
  void obey(TemplateProcess& process, const TemplateRecord& record, const Sender& sender, int64_t now);
  void obey_loader(TemplateProcess& process, const TemplateRecord& record, int64_t now);
  void forked(TemplateProcess& process, uint64_t serial, const Sender& sender, int64_t now);
  void refused(TemplateProcess& process, const Refused& refused, int64_t now);
  void expire(const TemplateProcess& process, int64_t now);
  void changed(std::string_view path, int64_t now);
  void pass_on(TemplateProcess& process, const std::string& line, int64_t now);

  TemplateHost& host_;
  App& app_;
  const std::string program_;
  const int64_t kill_after_;
  ProcessPointer current_;
  ProcessPointer next_;
  std::vector<ProcessPointer> leaving_;
  std::deque<Wanted> waiting_;
  uint32_t generation_ = 0;
  int64_t last_used_ = 0;

  bool is_stale_ = false;    // files have changed since current_ loaded them
  bool is_expired_ = false;  // current_ says itself that it must not be forked from any more
  int64_t reload_at_ = 0;    // 0: no need
  std::string reload_why_;
  std::vector<uint64_t> renewals_;

  int failures_ = 0;  // one after the other
  int crashes_ = 0;   // of those that were ready and had not forked, one soon after the other
  int64_t retry_at_ = 0;
  bool is_retry_ = false;  // next_ is loaded again although nobody has said that anything is better
  Refusal last_failure_;
  FileIdentity tried_;     // the program as it was when a template of it was tried last
  bool is_unfit_ = false;  // none can be made of it as it was then
};

}  // namespace remuda::spawner
