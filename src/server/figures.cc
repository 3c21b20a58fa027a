// SPDX-License-Identifier: Apache-2.0
//
// Adding up. The lock is taken by loops that begin and end, and by whoever asks.
#include "server/figures.h"

#include <algorithm>

#include "server/gate.h"

namespace remuda::server {

Figures::Seat::Seat(Figures& figures, const RequestCounters& requests, const Gate& gate)
    : figures_(figures), requests_(requests), gate_(gate) {
  const std::lock_guard lock(figures_.mutex_);
  figures_.seats_.push_back(this);
}

Figures::Seat::~Seat() {
  const std::lock_guard lock(figures_.mutex_);
  std::erase(figures_.seats_, this);
  add(figures_.ended_, *this);
}

void Figures::add(FiguresTotal& sum, const Seat& seat) {
  sum.accepted += seat.gate_.entered();
  for (size_t i = 0; i < sum.requests.size(); ++i) sum.requests[i] += seat.requests_.requests(i);
  sum.bytes_received += seat.requests_.bytes_received();
  sum.bytes_sent += seat.requests_.bytes_sent();
}

FiguresTotal Figures::total() const {
  const std::lock_guard lock(mutex_);
  FiguresTotal sum = ended_;
  sum.loops = seats_.size();
  for (const Seat* const seat : seats_) {
    add(sum, *seat);
    sum.connections += seat->gate_.inside();
  }
  return sum;
}

}  // namespace remuda::server
