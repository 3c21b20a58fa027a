// SPDX-License-Identifier: Apache-2.0
//
// See the header. Here: what becomes of a spawn, and what time brings; how generations come and go is
// template_generations.cc's, what a template says template_hearing.cc's.
#include "spawner/template_group.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "spawner/clock.h"

namespace remuda::spawner {

namespace {

constexpr size_t kMostAsked = 100;                      // at once: each holds descriptors until it is forked
constexpr int64_t kLongestForkPatience = 10 * kSecond;  // for a template that says nothing and is to fork

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
  if (!(is_unfit_ && is_of_program()) && now >= retry_at_) return true;
  if (!is_of_program() || identity_of(program_.c_str()) == tried_) return false;
  is_unfit_ = false;
  failures_ = 0;
  retry_at_ = 0;
  return true;
}

// Instead of forked, now that no template can do it.
bool TemplateGroup::is_executed(Input input) const {
  return is_of_program() || (is_unfit_ && input == Input::kListener);
}

const char* TemplateGroup::executable() const {
  return is_of_program() ? program_.c_str() : app_.rules().program.c_str();
}

TemplateGroup::Verdict TemplateGroup::consider(Input input, int64_t now, Refusal& refusal) {
  last_used_ = now;
  if (is_usable()) return Verdict::kTake;
  if (!is_of_program() && is_executed(input)) return Verdict::kExecute;  // until it is renewed
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
    if (is_executed(each.input)) {
      host_.execute(std::move(each), app_, executable());
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

// --- those that a template did not fork

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
