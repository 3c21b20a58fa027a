// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/template_group.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "spawner/clock.h"
#include "spawner/kinship.h"

namespace remuda::spawner {

namespace {

constexpr int kRecordsATurn = 16;
constexpr size_t kMostAsked = 100;  // at once: each holds descriptors until it is forked
constexpr int64_t kShortestBackOff = 500 * kMillisecond;
constexpr int64_t kLongestBackOff = 30 * kSecond;
constexpr int64_t kQuiet = 100 * kMillisecond;          // without another change, before the next generation
constexpr int64_t kLongestForkPatience = 10 * kSecond;  // for a template that says nothing and is to fork
constexpr int64_t kEndPatience = kSecond;               // from the end of its channel to its own
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

int64_t earliest(std::initializer_list<int64_t> times) {
  int64_t result = INT64_MAX;
  for (const int64_t time : times) {
    if (time != 0) result = std::min(result, time);
  }
  return result;
}

}  // namespace

TemplateGroup::TemplateGroup(TemplateHost& host, App& app, std::string program, int64_t kill_after)
    : host_(host), app_(app), program_(std::move(program)), kill_after_(kill_after) {}

bool TemplateGroup::is_usable() const {
  return current_ != nullptr && !is_expired_ && !(is_of_program() && is_stale_);
}

// A program that was changed is worth another try.
bool TemplateGroup::may_try(int64_t now) {
  if (!is_unfit_ && now >= retry_at_) return true;
  if (!is_of_program() || identity_of(program_.c_str()) == tried_) return false;
  is_unfit_ = false;
  failures_ = 0;
  retry_at_ = 0;
  return true;
}

TemplateGroup::Verdict TemplateGroup::consider(int64_t now, Refusal& refusal) {
  last_used_ = now;
  if (is_usable()) return Verdict::kTake;
  // A stale one is replaced when its files are quiet, an expired one at once.
  const bool is_due = current_ == nullptr || is_expired_;
  const bool loads = next_ != nullptr || (is_due && may_try(now) && load({}, now));
  if (is_of_program()) return Verdict::kExecute;
  if (loads) return Verdict::kTake;
  refusal = last_failure_;
  return Verdict::kRefuse;
}

void TemplateGroup::take(Wanted wanted) {
  waiting_.push_back(std::move(wanted));
  go_on();
}

void TemplateGroup::go_on() {
  using Asking = TemplateProcess::Asking;
  while (!waiting_.empty() && is_usable() && current_->asked().size() < kMostAsked) {
    const Asking asking = current_->ask(waiting_.front());
    if (asking == Asking::kNoRoom) return;
    Wanted first = std::move(waiting_.front());
    waiting_.pop_front();
    if (asking == Asking::kAsked) continue;
    if (is_of_program()) {
      host_.execute(std::move(first), app_, program_.c_str());
    } else {
      host_.refuse(first, {E2BIG, Step::kProcess, "too long an environment"});
    }
  }
}

// No template will fork them.
void TemplateGroup::give_up_waiting() {
  for (Wanted& each : std::exchange(waiting_, {})) {
    if (is_of_program()) {
      host_.execute(std::move(each), app_, program_.c_str());
    } else {
      host_.refuse(each, last_failure_);
    }
  }
}

bool TemplateGroup::cancel(const Channel* channel, uint64_t id, int signal) {
  const auto is_it = [&](const Wanted& each) { return each.channel == channel && each.id == id; };
  const bool ends_it = signal == SIGTERM || signal == SIGKILL;
  if (const auto found = std::ranges::find_if(waiting_, is_it); found != waiting_.end()) {
    if (!ends_it) return true;
    host_.refuse(*found, {ECANCELED, Step::kTemplate, "it was not wanted any more"});
    waiting_.erase(found);
    return true;
  }
  bool was_asked = false;
  for_each_process([&](TemplateProcess& process) {
    for (auto& [serial, each] : process.asked()) {
      if (!is_it(each)) continue;
      was_asked = true;
      if (each.signal != SIGKILL) each.signal = signal;
    }
  });
  return was_asked;
}

void TemplateGroup::forget(const Channel* channel) {
  std::erase_if(waiting_, [&](const Wanted& each) { return each.channel == channel; });
  for_each_process([&](TemplateProcess& process) {
    for (auto& [serial, each] : process.asked()) {
      if (each.channel == channel) each.channel = nullptr;
    }
  });
}

bool TemplateGroup::has_unsettled(const Channel* channel, uint64_t serial) const {
  const auto is_one = [&](const Wanted& each) { return each.channel == channel && each.serial <= serial; };
  bool found = std::ranges::any_of(waiting_, is_one);
  for_each_process([&](TemplateProcess& process) {
    for (const auto& [number, each] : process.asked()) found = found || is_one(each);
  });
  return found;
}

// --- generations

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
    const std::string detail = (is_of_program() ? "runs under exec: " : "") + refusal.detail;
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

// --- spawns that a template did not fork

// In their order, before those that wait already.
void TemplateGroup::ask_again(TemplateProcess& process) {
  std::vector<Wanted> left;
  for (auto& [serial, each] : process.asked()) left.push_back(std::move(each));
  process.asked().clear();
  std::ranges::sort(left, std::greater{}, &Wanted::serial);
  for (Wanted& each : left) redo(std::move(each));
}

// It has not begun, that is certain.
void TemplateGroup::redo(Wanted wanted) {
  if (wanted.channel == nullptr) return;
  if (wanted.signal == SIGTERM || wanted.signal == SIGKILL)
    return host_.refuse(wanted, {ECANCELED, Step::kTemplate, "it was not wanted any more"});
  if (std::exchange(wanted.asked_before, true))
    return host_.refuse(wanted, {ECHILD, Step::kTemplate, "two templates have died on it"});
  waiting_.push_front(std::move(wanted));
}

// --- what a template says

void TemplateGroup::read(TemplateProcess& process, int64_t now) {
  using Hearing = TemplateProcess::Hearing;
  std::array<std::byte, kTemplatePacketRoom> room;
  for (int i = 0; i < kRecordsATurn; ++i) {
    TemplateRecord record;
    Sender sender;
    const Hearing hearing = process.hear(room, record, sender);
    if (hearing == Hearing::kNothing) return;
    if (hearing == Hearing::kEnd) {
      process.close_channel();
      if (process.kill_at == 0) process.kill_at = now + kEndPatience;
      return;
    }
    process.last_heard = now;
    if (hearing == Hearing::kRubbish) {
      condemn(process, "it said what no template says", now);
    } else {
      obey(process, record, sender, now);
    }
  }
}

void TemplateGroup::obey(TemplateProcess& process, const TemplateRecord& record, const Sender& sender,
                         int64_t now) {
  if (const auto* const said = std::get_if<Forked>(&record)) return forked(process, said->id, sender, now);
  if (const auto* const said = std::get_if<Refused>(&record)) return refused(process, *said, now);
  if (sender.pid != process.pid()) return condemn(process, "another process spoke for it", now);
  if (const auto* const said = std::get_if<Ended>(&record))
    return host_.ended(said->pid, process.pid(), said->status, said->usage);
  if (process.stage != TemplateProcess::Stage::kLeaving) obey_loader(process, record, now);
}

void TemplateGroup::obey_loader(TemplateProcess& process, const TemplateRecord& record, int64_t now) {
  const bool is_loading = &process == next_.get();
  if (const auto* const warning = std::get_if<Warning>(&record)) {
    pass_on(process, "warning: " + std::string(warning->what), now);
  } else if (const auto* const change = std::get_if<Changed>(&record)) {
    if (!is_loading) changed(change->path, now);
  } else if (const auto* const step = std::get_if<LoadStep>(&record)) {
    if (is_loading) process.journey.step(step->at, step->what, now);
  } else if (const auto* const ready = std::get_if<Ready>(&record)) {
    if (!is_loading) return;
    process.journey.ready(ready->at, now);
    become_current(now);
  } else if (const auto* const unfit = std::get_if<Unfit>(&record); unfit != nullptr && is_loading) {
    is_unfit_ = is_of_program();
    fail_next(ENOTSUP, unfit->why, now);
  }
}

// Its descriptors are closed first: then there is room for its pidfd.
void TemplateGroup::forked(TemplateProcess& process, uint64_t serial, const Sender& sender, int64_t now) {
  auto node = process.asked().extract(serial);
  if (node.empty()) return condemn(process, "it forked what nobody had asked for", now);
  Wanted& wanted = node.mapped();
  const size_t kept = wanted.input == Input::kListener ? 2 : 3;
  for (size_t i = 0; i < kept; ++i) wanted.descriptors[i].reset();
  base::Fd pidfd;
  if (!process.is_fork(sender, pidfd)) {
    host_.refuse(wanted, {EPROTO, Step::kTemplate, "its template presented a process that is no fork of it"});
    return condemn(process, "it presented a process that is no fork of it", now);
  }
  crashes_ = 0;
  wanted.times.started = now;
  host_.begun(std::move(wanted), sender.pid, std::move(pidfd), process.pid());
  end_if_settled(process, now);
  go_on();
}

void TemplateGroup::refused(TemplateProcess& process, const Refused& said, int64_t now) {
  auto node = process.asked().extract(said.id);
  if (node.empty()) return;
  end_if_settled(process, now);
  Wanted& wanted = node.mapped();
  if (said.error != ESTALE) {
    host_.refuse(wanted, {said.error > 0 ? said.error : EPROTO, Step::kProcess,
                          "fork its template: " + clean_text(said.why, 200)});
    return go_on();
  }
  redo(std::move(wanted));
  expire(process, now);
}

void TemplateGroup::expire(const TemplateProcess& process, int64_t now) {
  if (&process == current_.get()) is_expired_ = true;
  if (is_usable()) return go_on();
  if (next_ == nullptr && may_try(now)) load("not as its files are any more", now);
  if (is_of_program() || next_ == nullptr) give_up_waiting();
}

// What waits for a program's template is executed at once; its template may load anew while files still
// change.
void TemplateGroup::changed(std::string_view path, int64_t now) {
  if (app_.templates().reload == Reload::kOnRequest) return;
  is_stale_ = true;
  is_retry_ = false;
  failures_ = 0;
  reload_at_ = now + kQuiet;
  reload_why_ = "changed: " + clean_text(path, 1000);
  if (is_of_program()) give_up_waiting();
}

void TemplateGroup::pass_on(TemplateProcess& process, const std::string& line, int64_t now) {
  process.journey.line(line);
  if (process.may_speak(now))
    host_.tell_home(TemplateSaid{.app = app_.number(), .text = clean_text(line, 1000)});
}

void TemplateGroup::read_output(TemplateProcess& process, int64_t now) {
  const bool goes_on = process.read_output(process.lines);
  std::string line;
  while (process.lines.take(line)) pass_on(process, line, now);
  if (goes_on) return;
  if (process.lines.take_rest(line)) pass_on(process, line, now);
  process.close_output();
}

void TemplateGroup::has_room(TemplateProcess& process) {
  process.has_room();
  go_on();
}

// --- time

// For one that loads in no time, to fork is not to take longer.
int64_t TemplateGroup::fork_patience() const {
  return std::min(kLongestForkPatience, nanoseconds(app_.templates().start_timeout));
}

int64_t TemplateGroup::next_deadline() const {
  int64_t result = INT64_MAX;
  for_each_process([&](TemplateProcess& process) { result = std::min(result, earliest({process.kill_at})); });
  if (next_ != nullptr)
    result = std::min(result, next_->journey.began() + nanoseconds(app_.templates().start_timeout));
  if (current_ == nullptr) return result;
  if (!current_->asked().empty()) result = std::min(result, current_->last_heard + fork_patience());
  if (next_ != nullptr) return result;
  const int64_t idle = nanoseconds(app_.templates().idle_timeout);
  return std::min(result, earliest({reload_at_, idle != 0 ? last_used_ + idle : 0}));
}

void TemplateGroup::act_on_time(int64_t now) {
  for_each_process([&](TemplateProcess& process) {
    if (process.kill_at == 0 || process.kill_at > now) return;
    process.signal(SIGKILL);
    process.kill_at = now + kill_after_;
  });
  const int64_t start_timeout = nanoseconds(app_.templates().start_timeout);
  if (next_ != nullptr && next_->journey.began() + start_timeout <= now)
    fail_next(ETIMEDOUT, "it was not ready after " + std::to_string(start_timeout / kMillisecond) + " ms",
              now);
  if (current_ != nullptr && !current_->asked().empty() && current_->last_heard + fork_patience() <= now)
    condemn(*current_, "it did not fork when it was asked to", now);
  if (current_ == nullptr || next_ != nullptr) return;
  if (reload_at_ != 0 && reload_at_ <= now) {
    load(reload_why_, now);
    return;
  }
  const int64_t idle = nanoseconds(app_.templates().idle_timeout);
  if (idle == 0 || last_used_ + idle > now) return;
  last_used_ = now;  // it is in use as long as something that it forked runs
  if (waiting_.empty() && current_->asked().empty() && !host_.has_forks_of(current_->pid()))
    retire("idle", now);
}

}  // namespace remuda::spawner
