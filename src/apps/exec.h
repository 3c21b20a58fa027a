// SPDX-License-Identifier: Apache-2.0
//
// ExecSource: model `exec`. A lease is a process that the spawner starts for it and that answers one request.
//
// One for each application and loop. Places are the Admission's, shared by the loops of the worker; a place
// is free again when the process has really ended, not when its holder has lost interest.
#pragma once

#include <cstdint>
#include <string>

#include "apps/admission.h"
#include "apps/source.h"
#include "apps/spawner_client.h"

namespace remuda::apps {

struct ExecOptions {
  std::string name;
  std::string user;     // who programs run as, for journeys; empty: like the server
  std::string program;  // the fixed one, for journeys
  uint32_t app = 0;     // its number in the spawner's table
  loop::Duration queue_time = std::chrono::seconds(30);
  std::chrono::seconds retry_after{1};
};

class ExecSource final : public Source {
 public:
  // `client` and `admission` outlive the source and every process it started.
  ExecSource(SpawnerClient& client, Admission& admission, ExecOptions options);

  loop::Task<std::expected<std::unique_ptr<Lease>, AcquireFailure>> acquire(const StartRequest& request,
                                                                            loop::Time deadline) override;
  std::string_view name() const override { return options_.name; }

 private:
  loop::Task<std::expected<std::unique_ptr<Lease>, AcquireFailure>> start(const StartRequest& request,
                                                                          Journey journey);
  AcquireFailure refused(Admission::Refusal refusal) const;
  AcquireFailure failed(base::Error error) const;

  SpawnerClient& client_;
  Admission& admission_;
  const ExecOptions options_;
};

}  // namespace remuda::apps
