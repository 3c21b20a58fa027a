// SPDX-License-Identifier: Apache-2.0
//
// The words for phases and states.
#include "apps/status.h"

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

}  // namespace remuda::apps
