// SPDX-License-Identifier: Apache-2.0
//
// The words for phases and states, and what follows from figures.
#include "apps/status.h"

#include <algorithm>

namespace remuda::apps {

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::kQueue: return "queue";
    case Phase::kStart: return "start";
    case Phase::kSend: return "send";
    case Phase::kApplication: return "app";
    case Phase::kReply: return "reply";
  }
  __builtin_unreachable();
}

std::string_view to_string(InstanceStatus::State state) {
  switch (state) {
    case InstanceStatus::State::kStarting: return "starting";
    case InstanceStatus::State::kReady: return "ready";
    case InstanceStatus::State::kDraining: return "draining";
    case InstanceStatus::State::kStopping: return "stopping";
  }
  __builtin_unreachable();
}

std::string_view to_string(PeerStatus::State state) {
  switch (state) {
    case PeerStatus::State::kUp: return "up";
    case PeerStatus::State::kSlowStart: return "slow start";
    case PeerStatus::State::kDown: return "down";
    case PeerStatus::State::kDraining: return "draining";
  }
  __builtin_unreachable();
}

std::string_view to_string(TemplateStatus::State state) {
  switch (state) {
    case TemplateStatus::State::kLoading: return "loading";
    case TemplateStatus::State::kReady: return "ready";
    case TemplateStatus::State::kFailed: return "failed";
  }
  __builtin_unreachable();
}

uint32_t shared_percent(const Memory& memory) {
  if (memory.resident == 0 || memory.unique > memory.resident) return 0;
  return static_cast<uint32_t>((memory.resident - memory.unique) * 100 / memory.resident);
}

uint64_t memory_of_one_more(const AppStatus& app) {
  std::vector<uint64_t> own;
  for (const InstanceStatus& instance : app.instances) {
    if (instance.memory.unique > 0) own.push_back(instance.memory.unique);
  }
  if (own.empty()) return 0;
  const auto middle = own.begin() + static_cast<ptrdiff_t>(own.size() / 2);
  std::ranges::nth_element(own, middle);
  return *middle;
}

}  // namespace remuda::apps
