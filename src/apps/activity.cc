// SPDX-License-Identifier: Apache-2.0
//
// A question travels to each loop as a post and its answer comes back as one: nobody reads what is another
// thread's.
#include "apps/activity.h"

#include <algorithm>
#include <functional>
#include <iterator>

namespace remuda::apps {

namespace {

template <size_t kRoom>
uint8_t copy_bounded(std::string_view text, std::array<char, kRoom>& room) {
  static_assert(kRoom <= UINT8_MAX);
  return static_cast<uint8_t>(text.copy(room.data(), room.size()));
}

}  // namespace

LiveRequest::LiveRequest(const StartRequest& request, loop::Time now)
    : request_(request.request),
      since_(now),
      method_length_(copy_bounded(request.method, method_)),
      target_length_(copy_bounded(request.target, target_)) {}

void LiveRequest::watch_kill(loop::Scope* scope) {
  turn_ = nullptr;
  scope_ = scope;
  if (killed_ && scope != nullptr) scope->cancel(ECANCELED);
}

void LiveRequest::kill() {
  killed_ = true;
  if (scope_ != nullptr) scope_->cancel(ECANCELED);
  if (turn_ != nullptr) turn_->notify_all();
}

RequestStatus LiveRequest::status(loop::Time now) const {
  return {.request = request_,
          .method = std::string(method_.data(), method_length_),
          .target = std::string(target_.data(), target_length_),
          .phase = phase_,
          .age = now - since_,
          .endpoint = endpoint_};
}

struct Activity::Requests {
  explicit Requests(loop::Loop& its_loop) : loop(its_loop) {}
  loop::Loop& loop;
  base::List<LiveRequest> list;
};

Activity::Activity(ActivityBoard& board, loop::Loop& loop)
    : requests_(std::make_shared<Requests>(loop)), board_(board) {
  const std::scoped_lock lock(board_.mutex_);
  board_.on_board_.push_back(requests_);
}

Activity::~Activity() {
  const std::scoped_lock lock(board_.mutex_);
  std::erase(board_.on_board_, requests_);
}

void Activity::add(LiveRequest& request) { requests_->list.push_back(request); }

// The asking loop's, but for `call`.
struct ActivityBoard::Question {
  explicit Question(loop::Loop& asking) : answered(asking) {}
  std::function<std::vector<RequestStatus>(base::List<LiveRequest>&, loop::Time now)> call;
  size_t missing = 0;
  std::vector<RequestStatus> answers;
  loop::Event answered;
};

loop::Task<void> ActivityBoard::ask(loop::Loop& asking, std::shared_ptr<Question> question,
                                    loop::Time deadline) {
  {
    const std::scoped_lock lock(mutex_);
    question->missing = on_board_.size();
    for (const auto& requests : on_board_) {
      requests->loop.post([requests, question, &asking] {
        auto answer = question->call(requests->list, requests->loop.now());
        asking.post([question, answer = std::move(answer)]() mutable {
          std::ranges::move(answer, std::back_inserter(question->answers));
          --question->missing;
          question->answered.notify_all();
        });
      });
    }
  }
  while (question->missing > 0) {
    if (const auto waited = co_await question->answered.wait(deadline); !waited) co_return;
  }
}

loop::Task<std::vector<RequestStatus>> ActivityBoard::live(loop::Loop& asking, loop::Time deadline) {
  const auto question = std::make_shared<Question>(asking);
  question->call = [](base::List<LiveRequest>& list, loop::Time now) {
    std::vector<RequestStatus> all;
    list.for_each([&](LiveRequest& live) { all.push_back(live.status(now)); });
    return all;
  };
  co_await ask(asking, question, deadline);
  co_return std::move(question->answers);
}

loop::Task<base::Result<void>> ActivityBoard::end(loop::Loop& asking, uint64_t request, loop::Time deadline) {
  const auto question = std::make_shared<Question>(asking);
  question->call = [request](base::List<LiveRequest>& list, loop::Time now) {
    std::vector<RequestStatus> ended;
    LiveRequest* found = nullptr;
    list.for_each([&](LiveRequest& live) {
      if (live.request() == request) found = &live;
    });
    if (found == nullptr) return ended;
    ended.push_back(found->status(now));
    found->kill();
    return ended;
  };
  co_await ask(asking, question, deadline);
  if (question->answers.empty()) co_return base::failure(ENOENT, "find the request");
  co_return base::Result<void>();
}

}  // namespace remuda::apps
