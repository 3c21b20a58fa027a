// SPDX-License-Identifier: Apache-2.0
//
// Models `exec` and `fork`: a lease is a process that the spawner starts for it, by running the program or by
// having a template fork, and that answers one request.
//
//     ExecApp       one application, all loops of the worker: its places, its figures
//     ExecSource    one application, one loop
//     ExecControl   one application, the home loop                        (exec_control.h)
//
// Places are the app's, shared by the loops of the worker; a place is free again when the process has really
// ended, not when its holder has lost interest.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "apps/activity.h"
#include "apps/admission.h"
#include "apps/source.h"
#include "apps/spawner_client.h"

namespace remuda::apps {

struct ExecOptions {
  std::string name;
  std::string type = "cgi";    // for status
  std::string model = "exec";  // likewise
  std::string user;            // who programs run as, for journeys; empty: like the server
  std::string program;         // the fixed one, for journeys
  uint32_t app = 0;            // its number in the spawner's table
  loop::Duration queue_time = std::chrono::seconds(30);
};

// Made before the worker's threads are; outlives every source and process of it. Any thread.
struct ExecApp {
  ExecApp(ExecOptions its_options, Admission::Limits limits)
      : options(std::move(its_options)), admission(limits) {}

  const ExecOptions options;
  Admission admission;
  ActivityBoard board;
  std::atomic<uint64_t> requests = 0;  // answered
  std::atomic<uint64_t> failures = 0;
  std::atomic<uint64_t> starts = 0;
  std::atomic<uint64_t> failed_starts = 0;
};

class ExecSource final : public Source {
 public:
  // `client` and `app` outlive the source and every process it started.
  ExecSource(SpawnerClient& client, ExecApp& app);

  loop::Task<std::expected<std::unique_ptr<Lease>, AcquireFailure>> acquire(const StartRequest& request,
                                                                            loop::Time deadline) override;
  std::string_view name() const override { return app_.options.name; }

 private:
  loop::Task<base::Result<std::unique_ptr<Lease>>> start(const StartRequest& request, Journey journey,
                                                         std::unique_ptr<LiveRequest> live);
  AcquireFailure refused(Admission::Refusal refusal) const;
  AcquireFailure failed(base::Error error) const;

  SpawnerClient& client_;
  ExecApp& app_;
  Activity activity_;
};

}  // namespace remuda::apps
