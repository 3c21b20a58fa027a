// SPDX-License-Identifier: Apache-2.0
//
// Templates: all of them: which template a spawn is for (TemplateGroup decides what becomes of it), what is
// to be polled and when to wake up, how many there may be, and the Renews that several of them answer
// together.
//
// Descriptors of spawns that wait are bounded by TemplateRules::queue of each application. Spawner's process
// only.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "spawner/app.h"
#include "spawner/template_group.h"
#include "spawner/template_host.h"

namespace remuda::spawner {

class Templates {
 public:
  Templates(TemplateHost& host, int64_t kill_after) : host_(host), kill_after_(kill_after) {}

  // The template that is to fork `program` (empty: the application's own); none: it is to be executed, or,
  // with an error in `refusal`, not to be started.
  TemplateGroup* choose(App& app, std::string_view program, Input input, int64_t now, Refusal& refusal);
  // `environment`: as execve(2) wants it.
  void take(TemplateGroup& group, Wanted wanted, char* const* environment);

  bool cancel(const Channel* channel, uint64_t id, int signal);
  void forget(const Channel* channel);
  // Spawns that came until now have serials up to this one.
  uint64_t last_serial() const { return last_serial_; }
  bool has_unsettled(const Channel* channel, uint64_t serial) const;

  void renew(Channel& channel, uint64_t token, const App& app, int64_t now);
  // TemplateHost::renewed() leads here. True: it is settled, and `channel`, unless it has gone, is to hear.
  struct Renewal {
    Channel* channel = nullptr;
    uint64_t token = 0;
    size_t open = 0;
    int error = 0;
    std::string detail;
  };
  void renewed(uint64_t renewal, int error, std::string_view detail,
               const std::function<void(const Renewal&)>& tell);

  void add_polled(std::vector<pollfd>& polled);
  void read(std::span<const pollfd> polled, int64_t now);
  // Whatever has been said and not heard.
  void read_all(int64_t now);
  void act_on_time(int64_t now);
  int64_t next_deadline() const;

  // False: it is no template. Else it has been waited for.
  bool bury(pid_t pid, int status, int64_t now);
  bool is_template(pid_t pid) const { return find(pid).process != nullptr; }
  void tell_of_those_that_run(const std::function<void(const Reply&)>& tell) const;
  void end_all(int64_t now);
  void kill_all();
  bool empty() const;

 private:
  struct Place {
    TemplateGroup* group = nullptr;
    TemplateProcess* process = nullptr;
  };
  Place find(pid_t pid) const;
  TemplateGroup& group_for(App& app, std::string_view program);
  bool make_room(const App& app, const TemplateGroup& wants);
  size_t waiting_of(const App& app) const;
  void drop_unused();
  void note_active(TemplateGroup& group);

  TemplateHost& host_;
  const int64_t kill_after_;
  std::unordered_map<std::string, std::unique_ptr<TemplateGroup>> groups_;  // by number and program
  std::string key_;
  std::vector<TemplateGroup*> active_;  // those that have processes, and may have spawns
  uint64_t last_serial_ = 0;
  std::vector<Place> polled_;  // each with its channel and its output
  std::unordered_map<uint64_t, Renewal> renewals_;
  uint64_t last_renewal_ = 0;
};

}  // namespace remuda::spawner
