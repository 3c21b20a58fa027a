// SPDX-License-Identifier: Apache-2.0
//
// Pool > Group > Instance > Lease: applications whose processes are kept alive, lent for a request, and put
// back.
//
//     Pool       all applications of one worker process, with the one budget over them
//     Group      one application: its instances, who waits for one          (group.h; a mutex around it)
//     Instance   one process with a private socket                          (instance.h)
//     Lease      the right to talk to an instance for one request           (pool_source.h)
//
//     PoolSource (each loop)   lends and takes back: all that requests ever touch
//     Home (the first loop)    starts, measures, replaces and ends instances: home.h
//
// Made before the worker's threads are, empty; its groups never go before the last loop has ended.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "apps/pool/options.h"

namespace remuda::apps::pool {

class Group;

class Pool {
 public:
  explicit Pool(const PoolOptions& options);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Before any loop runs. The group lives as long as the pool.
  Group& add(GroupOptions options);

  const PoolOptions& options() const { return options_; }
  std::span<const std::unique_ptr<Group>> groups() const { return groups_; }

 private:
  const PoolOptions options_;
  std::vector<std::unique_ptr<Group>> groups_;
};

}  // namespace remuda::apps::pool
