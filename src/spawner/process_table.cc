// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/process_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/fd.h"

namespace remuda::spawner {

namespace {

struct Kinship {
  pid_t parent = 0;
  pid_t group = 0;
};

std::string process_file(std::string_view pid, const char* name) {
  return std::string("/proc/").append(pid).append("/").append(name);
}

// "pid (name) state parent group ...": the name may hold anything, a ")" above all.
Kinship kinship_of(std::string_view pid) {
  const base::Fd file(open(process_file(pid, "stat").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 512> text{};
  if (!file || read(file.get(), text.data(), text.size() - 1) <= 0) return {};
  const size_t name_end = std::string_view(text.data()).rfind(')');
  if (name_end == std::string_view::npos) return {};
  Kinship kin;
  char state = 0;
  if (std::sscanf(text.data() + name_end + 1, " %c %d %d", &state, &kin.parent, &kin.group) != 3) return {};
  return kin;
}

std::string program_of(std::string_view pid) {
  std::array<char, PATH_MAX> name;
  const ssize_t length = readlink(process_file(pid, "exe").c_str(), name.data(), name.size());
  return length > 0 ? std::string(name.data(), static_cast<size_t>(length)) : std::string();
}

// A child of the supervisor that leads its own group and runs another program: not a worker, nor this
// spawner.
bool is_orphan(std::string_view pid_text, pid_t pid) {
  const Kinship kin = kinship_of(pid_text);
  if (kin.group != pid || kin.parent != getppid()) return false;
  return program_of(pid_text) != program_of("self");
}

bool no_such_process(pid_t pid) { return kill(pid, 0) < 0 && errno == ESRCH; }

void signal_group(pid_t leader, int number) {
  if (leader > 1) kill(-leader, number);
}

}  // namespace

Running* ProcessTable::find(pid_t pid) {
  const auto found = running_.find(pid);
  return found == running_.end() ? nullptr : &found->second;
}

Running ProcessTable::remove(pid_t pid) {
  const auto found = running_.find(pid);
  CHECK(found != running_.end());
  const Running running = found->second;
  running_.erase(found);
  ended_[ended_at_++ % ended_.size()] = {running.channel, running.id, pid};
  return running;
}

void ProcessTable::end(pid_t pid, int64_t now) {
  Running& running = running_.at(pid);
  if (running.kill_at != 0) return;
  signal_group(pid, SIGTERM);
  signal_group(pid, SIGCONT);  // one that is stopped hears nothing else
  running.kill_at = now + kill_after_;
  next_kill_ = std::min(next_kill_, running.kill_at);
}

void ProcessTable::end_all_of(const Channel* channel, int64_t now) {
  for (auto& [pid, running] : running_) {
    if (running.channel != channel) continue;
    running.channel = nullptr;
    end(pid, now);
  }
  for (Ended& ended : ended_) {
    if (ended.channel == channel) ended = {};
  }
}

void ProcessTable::end_all(int64_t now) {
  for (auto& [pid, running] : running_) end(pid, now);
}

void ProcessTable::kill_overdue(int64_t now) {
  if (now < next_kill_) return;
  next_kill_ = INT64_MAX;
  for (auto& [pid, running] : running_) {
    if (running.kill_at == 0) continue;
    if (running.kill_at <= now) {
      signal_group(pid, SIGKILL);
      running.kill_at = now + kill_after_;
    }
    next_kill_ = std::min(next_kill_, running.kill_at);
  }
  std::erase_if(formers_, [&](const Former& former) {
    const bool due = former.kill_at <= now;
    if (due && may_signal(former.channel, former.wish)) signal_group(former.wish.pid, SIGKILL);
    if (!due) next_kill_ = std::min(next_kill_, former.kill_at);
    return due;
  });
}

void ProcessTable::signal(const Channel* channel, const Signal& wish, int64_t now) {
  if (wish.signal <= 0 || wish.signal >= NSIG) return;
  for (const auto& [pid, running] : running_) {
    if (running.channel != channel || running.id != wish.id) continue;
    if (wish.signal == SIGTERM) {
      end(pid, now);
    } else {
      signal_group(pid, wish.signal);
    }
    return;
  }
  if (wish.pid > 1) signal_former(channel, wish, now);
}

// The leader is not our child, or not any more: whether it is certain all the same whose group that is.
bool ProcessTable::may_signal(const Channel* channel, const Signal& wish) const {
  const bool ended_here = std::ranges::any_of(ended_, [&](const Ended& ended) {
    return ended.channel == channel && ended.id == wish.id && ended.pid == wish.pid;
  });
  if (ended_here && no_such_process(wish.pid)) return true;
  return is_orphan(std::to_string(wish.pid), wish.pid);
}

void ProcessTable::signal_former(const Channel* channel, const Signal& wish, int64_t now) {
  if (!may_signal(channel, wish)) return;
  signal_group(wish.pid, wish.signal);
  if (wish.signal != SIGTERM) return;
  signal_group(wish.pid, SIGCONT);
  formers_.push_back({channel, wish, now + kill_after_});
  next_kill_ = std::min(next_kill_, now + kill_after_);
}

std::vector<pid_t> find_orphans() {
  std::vector<pid_t> found;
  DIR* const processes = opendir("/proc");
  if (processes == nullptr) return found;
  while (const dirent* const entry = readdir(processes)) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc() && end == name.data() + name.size() && is_orphan(name, pid))
      found.push_back(pid);
  }
  closedir(processes);
  return found;
}

}  // namespace remuda::spawner
