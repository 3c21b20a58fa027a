// SPDX-License-Identifier: Apache-2.0
//
// FarmSource: model `remote` on one loop. Lends the peers of a farm and takes them back.
//
// One for each application and loop. Of a peer it keeps an Endpoint from the first time that it lends it
// until the peer has been removed and its last lease has come back. While a request waits for its first byte
// longer than kPatience, connections that idle at its peer, on any loop, are closed: perhaps they are what it
// waits for, unless the peer multiplexes.
#pragma once

#include <memory>

#include "apps/source.h"

namespace remuda::apps::remote {

class Farm;

class FarmSource final : public Source {
 public:
  // Both outlive the source; the source outlives its leases.
  FarmSource(Farm& farm, loop::Loop& loop);
  ~FarmSource() override;

  loop::Task<std::expected<std::unique_ptr<Lease>, AcquireFailure>> acquire(const StartRequest& request,
                                                                            loop::Time deadline) override;
  std::string_view name() const override;
  bool has_another(std::span<const uint64_t> tried) override;

  static constexpr std::chrono::milliseconds kPatience{20};

 private:
  class Seat;
  std::shared_ptr<Seat> seat_;  // shared with messages that are on their way to this loop
};

}  // namespace remuda::apps::remote
