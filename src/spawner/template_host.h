// SPDX-License-Identifier: Apache-2.0
//
// TemplateHost: what templates need of the spawner that they live in. Service is one. Spawner's process only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

#include "base/fd.h"
#include "spawner/app.h"
#include "spawner/protocol.h"
#include "spawner/wanted.h"

namespace remuda::spawner {

class TemplateHost {
 public:
  TemplateHost() = default;
  TemplateHost(const TemplateHost&) = delete;
  TemplateHost& operator=(const TemplateHost&) = delete;

  // The template `by` has forked it.
  virtual void begun(Wanted wanted, pid_t pid, base::Fd pidfd, pid_t by) = 0;
  // The template `by` says so. Nothing if it was not its fork.
  virtual void ended(pid_t pid, pid_t by, int status, const Usage& usage) = 0;
  // That template is no more: what it has forked and not waited for is this process's child.
  virtual void orphaned_by(pid_t by) = 0;
  virtual bool has_forks_of(pid_t by) const = 0;

  virtual void execute(Wanted wanted, App& app, const char* program) = 0;
  virtual void refuse(const Wanted& wanted, const Refusal& refusal) = 0;
  virtual void tell_home(const Reply& reply) = 0;
  // A Renew of it is settled: error 0, or why.
  virtual void renewed(uint64_t renewal, int error, std::string_view detail) = 0;

 protected:
  ~TemplateHost() = default;
};

}  // namespace remuda::spawner
