// SPDX-License-Identifier: Apache-2.0
//
// The list of groups.
#include "apps/pool/pool.h"

#include "apps/pool/group.h"

namespace remuda::apps::pool {

Pool::Pool(const PoolOptions& options) : options_(options) {}

Pool::~Pool() = default;

Group& Pool::add(GroupOptions options) {
  groups_.push_back(std::make_unique<Group>(std::move(options)));
  return *groups_.back();
}

}  // namespace remuda::apps::pool
