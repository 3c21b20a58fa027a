// SPDX-License-Identifier: Apache-2.0
//
// CgiWire: conversations with programs that are started for one request each, over the pipes of their leases
// (RFC 3875). One for each application and loop; outlives its conversations.
#pragma once

#include "gateway/app_log.h"
#include "gateway/wire.h"
#include "loop/loop.h"

namespace remuda::gateway {

class CgiWire final : public Wire {
 public:
  CgiWire(loop::Loop& loop, AppLog& log, WireOptions options);

  BodyBy takes_body() const override { return BodyBy::kDescriptor; }
  std::shared_ptr<Conversation> converse(std::unique_ptr<apps::Lease> lease,
                                         const Question& question) override;

 private:
  loop::Loop& loop_;
  AppLog& log_;
  const WireOptions options_;
};

}  // namespace remuda::gateway
