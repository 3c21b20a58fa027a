// SPDX-License-Identifier: Apache-2.0
//
// See template_group.h: what a template says, none of which is believed unchecked.
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "spawner/clock.h"
#include "spawner/template_group.h"

namespace remuda::spawner {

namespace {

constexpr int kRecordsATurn = 16;
constexpr int64_t kQuiet = 100 * kMillisecond;  // without another change, before the next generation
constexpr int64_t kEndPatience = kSecond;       // from the end of its channel to its own

}  // namespace

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
    is_unfit_ = true;
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

}  // namespace remuda::spawner
