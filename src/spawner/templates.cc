// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/templates.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "spawner/clock.h"

namespace remuda::spawner {

namespace {

// Of programs that no template is loaded for: what is known of them is found out again.
constexpr size_t kMostGroups = 2000;

constexpr short kReadable = POLLIN | POLLHUP | POLLERR;

}  // namespace

TemplateGroup& Templates::group_for(App& app, std::string_view program) {
  key_ = std::to_string(app.number());
  key_.append(":").append(program);
  if (const auto found = groups_.find(key_); found != groups_.end()) return *found->second;
  if (groups_.size() >= kMostGroups) drop_unused();
  auto group = std::make_unique<TemplateGroup>(host_, app, std::string(program), kill_after_);
  group->make_room = [this, &app, wants = group.get()] { return make_room(app, *wants); };
  return *groups_.emplace(key_, std::move(group)).first->second;
}

TemplateGroup* Templates::choose(App& app, std::string_view program, Input input, int64_t now,
                                 Refusal& refusal) {
  using Verdict = TemplateGroup::Verdict;
  TemplateGroup& group = group_for(app, program);
  const Verdict verdict = group.consider(input, now, refusal);
  note_active(group);
  if (verdict != Verdict::kTake) return nullptr;
  if (group.waiting() == 0 || waiting_of(app) < app.templates().queue) return &group;
  if (program.empty())
    refusal = {EAGAIN, Step::kTemplate,
               std::to_string(app.templates().queue) + " spawns wait for the template already"};
  return nullptr;
}

void Templates::take(TemplateGroup& group, Wanted wanted, char* const* environment) {
  wanted.serial = ++last_serial_;
  encode_fork(wanted.serial, environment, wanted.packet);
  group.take(std::move(wanted));
}

size_t Templates::waiting_of(const App& app) const {
  size_t count = 0;
  for (TemplateGroup* const group : active_) count += &group->app() == &app ? group->waiting() : 0;
  return count;
}

// One of the application's other programs may lose its template: the one that was not used for the longest.
bool Templates::make_room(const App& app, const TemplateGroup& wants) {
  size_t count = 0;
  TemplateGroup* oldest = nullptr;
  for (TemplateGroup* const group : active_) {
    if (&group->app() != &app || group == &wants || !group->runs()) continue;
    ++count;
    if (group->serves() && (oldest == nullptr || group->last_used() < oldest->last_used())) oldest = group;
  }
  if (count < app.templates().most) return true;
  if (oldest != nullptr) oldest->retire("others are used more", now_ns());
  return oldest != nullptr;
}

void Templates::drop_unused() {
  std::erase_if(active_, [](TemplateGroup* each) { return !each->has_processes(); });
  std::erase_if(groups_, [](const auto& each) { return !each.second->has_processes(); });
}

void Templates::note_active(TemplateGroup& group) {
  if (group.has_processes() && std::ranges::find(active_, &group) == active_.end()) active_.push_back(&group);
}

bool Templates::cancel(const Channel* channel, uint64_t id, int signal) {
  return std::ranges::any_of(active_, [&](TemplateGroup* each) { return each->cancel(channel, id, signal); });
}

void Templates::forget(const Channel* channel) {
  for (TemplateGroup* const group : active_) group->forget(channel);
  for (auto& [number, renewal] : renewals_) {
    if (renewal.channel == channel) renewal.channel = nullptr;
  }
}

bool Templates::has_unsettled(const Channel* channel, uint64_t serial) const {
  return std::ranges::any_of(active_,
                             [&](TemplateGroup* each) { return each->has_unsettled(channel, serial); });
}

// One more part than there are groups: those that answer at once do not settle it alone.
void Templates::renew(Channel& channel, uint64_t token, const App& app, int64_t now) {
  const uint64_t number = ++last_renewal_;
  renewals_[number] = {.channel = &channel, .token = token, .open = 1};
  for (const auto& [key, group] : groups_) {
    if (&group->app() != &app) continue;
    ++renewals_[number].open;
    if (!group->renew(number, now)) --renewals_[number].open;
  }
  host_.renewed(number, 0, {});
}

void Templates::renewed(uint64_t renewal, int error, std::string_view detail,
                        const std::function<void(const Renewal&)>& tell) {
  const auto found = renewals_.find(renewal);
  if (found == renewals_.end()) return;
  Renewal& part = found->second;
  if (error != 0) {
    if (part.error != 0) part.detail += '\n';
    part.error = error;
    part.detail = part.detail.append(detail).substr(0, kMaxDetail);
  }
  if (--part.open > 0) return;
  if (part.channel != nullptr) tell(part);
  renewals_.erase(found);
}

// An absent descriptor is -1, which poll(2) passes over.
void Templates::add_polled(std::vector<pollfd>& polled) {
  polled_.clear();
  std::erase_if(active_, [](TemplateGroup* each) { return !each->has_processes(); });
  for (TemplateGroup* const group : active_) {
    group->for_each_process([&](TemplateProcess& process) {
      const short events = process.is_full() ? POLLIN | POLLOUT : POLLIN;
      polled.push_back({.fd = process.channel(), .events = events, .revents = 0});
      polled.push_back({.fd = process.output(), .events = POLLIN, .revents = 0});
      polled_.push_back({group, &process});
    });
  }
}

// Only bury() frees a process.
void Templates::read(std::span<const pollfd> polled, int64_t now) {
  for (size_t i = 0; i < polled_.size(); ++i) {
    const auto [group, process] = polled_[i];
    const short channel = polled[2 * i].revents;
    if ((polled[2 * i + 1].revents & kReadable) != 0) group->read_output(*process, now);
    if ((channel & kReadable) != 0) group->read(*process, now);
    if ((channel & POLLOUT) != 0) group->has_room(*process);
  }
}

void Templates::read_all(int64_t now) {
  for (TemplateGroup* const group : active_) {
    std::vector<TemplateProcess*> processes;
    group->for_each_process([&](TemplateProcess& process) { processes.push_back(&process); });
    for (TemplateProcess* const process : processes) group->read(*process, now);
  }
}

void Templates::act_on_time(int64_t now) {
  if (now < next_deadline()) return;
  for (TemplateGroup* const group : active_) {
    group->act_on_time(now);
  }
}

int64_t Templates::next_deadline() const {
  int64_t result = INT64_MAX;
  for (TemplateGroup* const group : active_) {
    result = std::min(result, group->next_deadline());
  }
  return result;
}

Templates::Place Templates::find(pid_t pid) const {
  Place place;
  for (TemplateGroup* const group : active_) {
    group->for_each_process([&](TemplateProcess& process) {
      if (process.pid() == pid) place = {group, &process};
    });
  }
  return place;
}

bool Templates::bury(pid_t pid, int status, int64_t now) {
  const auto [group, process] = find(pid);
  if (process == nullptr) return false;
  group->bury(*process, status, now);
  return true;
}

void Templates::tell_of_those_that_run(const std::function<void(const Reply&)>& tell) const {
  for (TemplateGroup* const group : active_) group->tell_of_those_that_run(tell);
}

void Templates::end_all(int64_t now) {
  for (TemplateGroup* const group : active_) group->end_all(now);
}

void Templates::kill_all() {
  for (TemplateGroup* const group : active_)
    group->for_each_process([](TemplateProcess& process) { process.signal(SIGKILL); });
}

bool Templates::empty() const {
  return std::ranges::none_of(active_, [](TemplateGroup* each) { return each->has_processes(); });
}

}  // namespace remuda::spawner
