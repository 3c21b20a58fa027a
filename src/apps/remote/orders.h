// SPDX-License-Identifier: Apache-2.0
//
// Orders: the peers of a farm as commands have left them, and the file in the server's run directory that
// keeps them for the worker that comes after this one: a worker may be replaced at any time, an order holds
// until the server ends, when the directory goes.
//
//     peer 10.0.0.7:9000 weight=2        every one, as in the configuration
//     drain 10.0.0.8:9000                one of them, or an address of a name
//
// A file for each farm and place of a worker, so that nobody else writes it. Written and read on the home
// loop, a few lines in a directory that lies in memory: as long as a status answer takes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/peer.h"
#include "base/result.h"

namespace remuda::apps::remote {

struct Orders {
  std::vector<base::Peer> peers;
  std::vector<std::string> draining;  // base::address_text
  bool operator==(const Orders&) const = default;
};

std::string to_text(const Orders& orders);
// Lines that say nothing known are left out.
Orders parse_orders(std::string_view text);

class OrdersFile {
 public:
  OrdersFile() = default;  // keeps nothing
  explicit OrdersFile(std::string path) : path_(std::move(path)) {}

  // None: there were no orders yet.
  std::optional<Orders> read() const;
  // Whole or not at all. Errors of open(2), write(2), rename(2).
  base::Result<void> write(const Orders& orders) const;

 private:
  std::string path_;
};

}  // namespace remuda::apps::remote
