// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "gateway/scgi/scgi_conversation.h"

#include "gateway/wire/scgi_request.h"

namespace remuda::gateway::scgi {

// The conversation lives until closed(): its lease is held until the stream is over.
class ScgiConversation::Link final : public Channel {
 public:
  Link(ChannelGround& ground, ScgiConversation& conversation)
      : Channel(ground, *conversation.lease().endpoint()), conversation_(conversation) {}

 private:
  void received(std::string_view bytes) override { conversation_.take_output(bytes); }
  void closed(const ChannelEnd& end) override {
    const bool whole = end.when == ChannelEnd::When::kOpen && end.error == 0 && conversation_.has_answered();
    if (!whole) return conversation_.lost(end, *this, 0);
    conversation_.over({Verdict::Kind::kWhole, 502, ""}, apps::Outcome::kAnswered);
  }

  ScgiConversation& conversation_;
};

Channel* ScgiConversation::attach(const Question& question) {
  link_ = std::make_shared<Link>(channels_, *this);
  link_->start();
  if (is_over()) return nullptr;
  wire::append_scgi_request(question.variables, link_->output());
  return link_.get();
}

void ScgiConversation::abort() { abandon(); }

void ScgiConversation::leave() { link_->close(); }

}  // namespace remuda::gateway::scgi
