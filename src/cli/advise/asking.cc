// SPDX-License-Identifier: Apache-2.0
//
// A place is a connection with the exchange on it; it is given the next request as soon as it has an answer.
#include "cli/advise/asking.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "http/status.h"

namespace remuda::cli::advise {
namespace {

using Clock = Exchange::Clock;

constexpr std::chrono::milliseconds kBetween{5};  // calls of `meanwhile`

class Run {
 public:
  Run(const Asking& asking, const Amount& amount) : request_(request_text(asking)), left_(amount.requests) {
    for (uint32_t i = 0; i < std::min(amount.at_once, amount.requests); ++i)
      places_.emplace_back(asking.socket);
    began_ = Clock::now();
    for (Exchange& place : places_) next(place);
  }

  bool is_over() const {
    return std::ranges::none_of(places_, [](const Exchange& place) { return place.is_under_way(); });
  }

  void wait(int interrupt, Clock::duration most) {
    asked_.clear();
    asked_.push_back({.fd = interrupt, .events = POLLIN, .revents = 0});
    for (const Exchange& place : places_) {
      asked_.push_back({.fd = place.is_under_way() ? place.descriptor() : -1,
                        .events = place.is_under_way() ? place.awaited() : short{0},
                        .revents = 0});
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(most).count();
    if (::poll(asked_.data(), asked_.size(), static_cast<int>(std::max<int64_t>(left, 0))) <= 0) return;
    for (size_t i = 0; i < places_.size(); ++i) {
      if (asked_[i + 1].revents == 0) continue;
      places_[i].go_on();
      if (places_[i].is_under_way()) continue;
      count(places_[i]);
      next(places_[i]);
    }
  }

  Answers answers() && {
    answers_.unfinished =
        static_cast<uint32_t>(std::ranges::count_if(places_, &Exchange::is_under_way)) + left_;
    answers_.took = std::chrono::duration_cast<Micros>(last_ - began_);
    std::ranges::sort(answers_.latencies);
    return std::move(answers_);
  }

 private:
  // One that fails at once is counted, and its place gives up: a server that is not there fails them all.
  void next(Exchange& place) {
    if (left_ == 0) return;
    --left_;
    ++answers_.sent;
    place.begin(request_);
    if (!place.is_under_way()) count(place);
  }

  void count(const Exchange& place) {
    last_ = Clock::now();
    if (place.state() == Exchange::State::kFailed) return fail(place.trouble());
    ++answers_.statuses[place.status()];
    if (place.status() >= 400)
      return fail(fmt::format("{} {}", place.status(), http::reason_phrase(place.status())));
    if (answers_.latencies.empty()) answers_.content = place.content();
    if (answers_.content.digest != place.content().digest || answers_.content.size != place.content().size)
      answers_.content.is_constant = false;
    answers_.latencies.push_back(place.took());
  }

  void fail(std::string why) {
    if (answers_.failed++ == 0) answers_.first_failure = std::move(why);
  }

  const std::string request_;
  uint32_t left_;
  std::deque<Exchange> places_;  // which do not move
  std::vector<pollfd> asked_;
  Clock::time_point began_;
  Clock::time_point last_;
  Answers answers_;
};

}  // namespace

std::string request_text(const Asking& asking) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: remuda-advise\r\nAccept: */*\r\n\r\n",
                     asking.target, asking.host);
}

Answers ask(const Asking& asking, const Amount& amount, Interrupt& interrupt,
            const std::function<void()>& meanwhile) {
  const Clock::time_point until = Clock::now() + amount.most;
  Clock::time_point look = Clock::now();
  Run run(asking, amount);
  while (!run.is_over() && Clock::now() < until && !interrupt.has_come()) {
    if (meanwhile && Clock::now() >= look) {
      meanwhile();
      look = Clock::now() + kBetween;
    }
    run.wait(interrupt.descriptor(),
             std::min<Clock::duration>(until - Clock::now(), meanwhile ? kBetween : until - Clock::now()));
  }
  return std::move(run).answers();
}

}  // namespace remuda::cli::advise
