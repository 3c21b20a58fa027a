// SPDX-License-Identifier: Apache-2.0
//
// See template_group.h: how generations come, take over, fail and go.
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "spawner/clock.h"
#include "spawner/kinship.h"
#include "spawner/template_group.h"

namespace remuda::spawner {

namespace {

constexpr int64_t kShortestBackOff = 500 * kMillisecond;
constexpr int64_t kLongestBackOff = 30 * kSecond;
constexpr int64_t kSoonAfterReady = kSecond;  // one that dies so early might as well not have loaded
constexpr int kOutputPiecesAtTheEnd = 16;

std::string end_of(int status) {
  if (WIFSIGNALED(status)) return "it was ended by signal " + std::to_string(WTERMSIG(status));
  return "it ended with status " + std::to_string(WEXITSTATUS(status));
}

std::string text_of(const Refusal& refusal) {
  std::string text(to_string(refusal.step));
  text.append(": ").append(strerror(refusal.error));
  if (!refusal.detail.empty()) text.append(": ").append(refusal.detail);
  return text;
}

}  // namespace

LoaderCommand TemplateGroup::command() const {
  const AppRules& rules = app_.rules();
  LoaderCommand result;
  if (is_of_program()) {
    std::string_view search_path;
    for (const std::string_view variable : rules.environment) {
      if (variable.starts_with("PATH=")) search_path = variable.substr(5);
    }
    result = choose_loader(program_, rules.template_rules.loaders, search_path);
  } else {
    result = {.path = rules.program, .arguments = {rules.program}};
  }
  result.arguments.insert(result.arguments.end(), rules.arguments.begin(), rules.arguments.end());
  return result;
}

// False: it has failed already, or there is no room for one more.
bool TemplateGroup::load(std::string_view why, int64_t now) {
  if (current_ == nullptr && is_of_program() && !make_room()) return false;
  reload_at_ = 0;
  ++generation_;
  tried_ = is_of_program() ? identity_of(program_.c_str()) : FileIdentity{};
  const LoaderCommand loader = command();
  const TemplateState state{
      .app = app_.number(), .generation = generation_, .began = now, .program = program_};
  if (!loader.why_not.empty()) {
    is_unfit_ = true;
    failed({ENOTSUP, Step::kTemplate, loader.why_not}, state, now);
    return false;
  }
  const char* const directory = app_.directory_of(is_of_program() ? program_.c_str() : loader.path.c_str());
  auto started = TemplateProcess::start(app_, loader, directory, generation_, now);
  if (!started) {
    Refusal refusal = std::move(started.error());
    refusal.detail = text_of(refusal);
    failed(refusal, state, now);
    return false;
  }
  next_ = std::move(*started);
  if (!is_retry_) tell(*next_, State::kLoading, why);
  return true;
}

void TemplateGroup::become_current(int64_t now) {
  if (current_ != nullptr)
    leave(current_, "replaced by generation " + std::to_string(next_->generation()), now);
  current_ = std::move(next_);
  current_->stage = TemplateProcess::Stage::kReady;
  is_expired_ = false;
  is_retry_ = false;
  is_stale_ = reload_at_ != 0;  // changed again while it was loaded
  failures_ = 0;
  retry_at_ = 0;
  last_used_ = now;
  tell(*current_, State::kReady, current_->journey.steps(now));
  settle_renewals(0, {});
  go_on();
}

void TemplateGroup::fail_next(int error, std::string_view why, int64_t now) {
  const std::string detail = next_->journey.failure(why, now);
  const TemplateState state{.app = app_.number(),
                            .generation = next_->generation(),
                            .pid = next_->pid(),
                            .began = next_->journey.began(),
                            .program = program_};
  leave(next_, {}, now);
  failed({error, Step::kTemplate, detail}, state, now);
}

void TemplateGroup::failed(const Refusal& refusal, const TemplateState& state, int64_t now) {
  const auto reason = [](std::string_view text) { return text.substr(0, text.find('\n')); };
  const bool is_known = is_retry_ && reason(refusal.detail) == reason(last_failure_.detail);
  is_retry_ = false;
  back_off(refusal, now);
  if (!is_known) {
    TemplateState told = state;
    const std::string detail = instead() + refusal.detail;
    told.state = State::kFailed;
    told.detail = detail;
    host_.tell_home(told);
  }
  settle_renewals(refusal.error, refusal.detail);
  // The template that serves has said what changed, and may not say when it is good again.
  if (is_stale_ && reload_at_ == 0) {
    reload_at_ = retry_at_;
    is_retry_ = true;
  }
  if (!is_usable()) give_up_waiting();
}

// How it runs now that it has no template.
std::string TemplateGroup::instead() const {
  if (is_of_program()) return "runs under exec: ";
  const bool has_instances = app_.rules().outlives == Outlives::kWorker;
  return is_unfit_ && has_instances ? "is loaded by each instance for itself: " : "";
}

void TemplateGroup::back_off(const Refusal& refusal, int64_t now) {
  last_failure_ = refusal;
  const int doublings = std::min(failures_++, 10);
  retry_at_ = now + std::min(kShortestBackOff << doublings, kLongestBackOff);
}

// One that was ready is replaced at once, but not again and again if it never forks.
void TemplateGroup::crashed(const Refusal& refusal, int64_t now) {
  last_failure_ = refusal;
  if (crashes_++ == 0) return;
  failures_ = crashes_ - 2;
  back_off(refusal, now);
}

// `process` is current_ or next_, and is empty afterwards. One that serves ends when it has forked what was
// asked of it; one that loads has nothing to finish.
void TemplateGroup::leave(ProcessPointer& process, std::string why, int64_t now) {
  using Stage = TemplateProcess::Stage;
  TemplateProcess& leaving = *leaving_.emplace_back(std::move(process));
  const bool was_loading = std::exchange(leaving.stage, Stage::kLeaving) == Stage::kLoading;
  leaving.why_it_leaves = std::move(why);
  leaving.kill_at = now + fork_patience();
  if (!was_loading) return end_if_settled(leaving, now);
  leaving.signal(SIGKILL);
  leaving.kill_at = now + kill_after_;
}

void TemplateGroup::end_if_settled(TemplateProcess& process, int64_t now) {
  if (process.stage != TemplateProcess::Stage::kLeaving || !process.asked().empty()) return;
  process.say_end();
  process.kill_at = now + kill_after_;
}

// It lies, or does nothing: no more of that. What it had forked before is still heard of.
void TemplateGroup::condemn(TemplateProcess& process, const char* why, int64_t now) {
  process.signal(SIGKILL);
  if (&process == next_.get()) return fail_next(EPROTO, why, now);
  if (&process != current_.get()) return;
  const std::string detail = process.journey.failure(why, now);
  leave(current_, detail, now);
  crashed({EPROTO, Step::kTemplate, detail}, now);
  forget_current();
}

// What was asked of it is settled when it is waited for.
void TemplateGroup::forget_current() {
  is_expired_ = false;
  is_stale_ = false;
  if (next_ == nullptr) reload_at_ = 0;
}

void TemplateGroup::retire(const char* why, int64_t now) {
  if (current_ != nullptr) {
    leave(current_, why, now);
    forget_current();
  }
  if (next_ != nullptr) leave(next_, why, now);
  if (is_of_program()) give_up_waiting();
}

void TemplateGroup::end_all(int64_t now) {
  waiting_.clear();
  retire("the server ends", now);
  for (const ProcessPointer& process : leaving_) {
    process->say_end();
    process->signal(SIGTERM);
    process->signal(SIGCONT);
    process->kill_at = std::min(process->kill_at, now + kill_after_);
  }
}

bool TemplateGroup::renew(uint64_t renewal, int64_t now) {
  failures_ = 0;
  crashes_ = 0;
  retry_at_ = 0;
  is_unfit_ = false;
  is_retry_ = false;
  if (!runs()) return false;
  renewals_.push_back(renewal);
  if (next_ != nullptr) leave(next_, "a newer one was asked for while it loaded", now);
  if (!load("asked for", now)) settle_renewals(0, {});
  return true;
}

void TemplateGroup::settle_renewals(int error, std::string_view detail) {
  for (const uint64_t renewal : std::exchange(renewals_, {})) host_.renewed(renewal, error, detail);
}

void TemplateGroup::bury(TemplateProcess& process, int status, int64_t now) {
  process.shut();
  while (process.channel() >= 0) read(process, now);
  for (int i = 0; i < kOutputPiecesAtTheEnd && process.output() >= 0; ++i) read_output(process, now);
  host_.orphaned_by(process.pid());
  signal_group(process.pid(), SIGKILL);  // what it started while it loaded
  const std::string why = end_of(status);
  const bool was_current = &process == current_.get();
  if (was_current) {
    const std::string detail = process.journey.failure(why, now);
    if (now - process.journey.ready_at() >= kSoonAfterReady) crashes_ = 0;
    crashed({ECHILD, Step::kTemplate, detail}, now);
    leave(current_, detail, now);
    forget_current();
  } else if (&process == next_.get()) {
    fail_next(ECHILD, why, now);
  }
  if (!process.why_it_leaves.empty()) tell(process, State::kEnded, process.why_it_leaves);
  ask_again(process);
  std::erase_if(leaving_, [&](const ProcessPointer& each) { return each.get() == &process; });
  if (waiting_.empty() || is_usable() || next_ != nullptr) return go_on();
  if (is_of_program() || !may_try(now) || !load({}, now)) give_up_waiting();
}

void TemplateGroup::tell(const TemplateProcess& process, State state, std::string_view detail) const {
  host_.tell_home(TemplateState{.app = app_.number(),
                                .generation = process.generation(),
                                .state = state,
                                .pid = process.pid(),
                                .began = process.journey.began(),
                                .ready = process.journey.ready_at(),
                                .program = program_,
                                .detail = detail});
}

void TemplateGroup::tell_of_those_that_run(const std::function<void(const Reply&)>& call) const {
  const auto tell_of = [&](const ProcessPointer& process, State state) {
    if (process == nullptr) return;
    const std::string detail = state == State::kReady ? process->journey.steps(0) : std::string();
    call(TemplateState{.app = app_.number(),
                       .generation = process->generation(),
                       .state = state,
                       .pid = process->pid(),
                       .began = process->journey.began(),
                       .ready = process->journey.ready_at(),
                       .program = program_,
                       .detail = detail});
  };
  tell_of(current_, State::kReady);
  tell_of(next_, State::kLoading);
}

}  // namespace remuda::spawner
