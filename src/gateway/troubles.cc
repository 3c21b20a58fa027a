// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/troubles.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace remuda::gateway {

namespace {

std::string sentence_for(const apps::AcquireFailure& failure) {
  using Reason = apps::AcquireFailure::Reason;
  switch (failure.reason) {
    case Reason::kQueueFull: return "too many requests wait for the application already";
    case Reason::kQueueTimeout: return "no place was free within the application's queue time";
    case Reason::kHopeless: return "the wait for the application would be longer than its queue time";
    case Reason::kCancelled:
      return "the request left the queue: its client has gone, or the server's operator ended it";
    case Reason::kTooLarge: return "the request's fields are more than a program can be given";
    case Reason::kNotStarting: return "the application does not start";
    case Reason::kAllDown: return "none of the application's peers is up";
    case Reason::kUnavailable: break;
  }
  return fmt::format("the program could not be started: {}", base::to_string(failure.error));
}

}  // namespace

Refusal refusal_for(const apps::AcquireFailure& failure) {
  using Reason = apps::AcquireFailure::Reason;
  Refusal refusal{.status = 503, .trouble = sentence_for(failure)};
  if (!failure.trouble.empty()) refusal.trouble.append(": ").append(failure.trouble);
  if (failure.reason == Reason::kTooLarge) {
    refusal.status = 431;
  } else if (failure.reason != Reason::kCancelled) {
    refusal.retry_after = std::max(failure.retry_after, std::chrono::seconds(1));
  }
  return refusal;
}

int status_for_body_error(int error) {
  switch (error) {
    case EMSGSIZE: return 413;
    case ETIMEDOUT: return 408;
    case ENOSPC:
    case EDQUOT: return 507;
    case EMFILE:
    case ENFILE:
    case EBUSY: return 503;
    case EIO:
    case EROFS:
    case EACCES:
    case ENOENT: return 500;
    default: return 400;
  }
}

bool is_idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 6> kIdempotent = {"GET",    "HEAD",    "PUT",
                                                           "DELETE", "OPTIONS", "TRACE"};
  return std::ranges::find(kIdempotent, method) != kIdempotent.end();
}

}  // namespace remuda::gateway
