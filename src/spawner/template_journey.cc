// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/template_journey.h"

#include <algorithm>
#include <cstdio>

#include "spawner/clock.h"
#include "spawner/protocol.h"

namespace remuda::spawner {

namespace {

constexpr size_t kMostSteps = 40;
constexpr size_t kLongestStep = 120;
constexpr size_t kMostLines = 10;
constexpr size_t kLongestLine = 1000;
constexpr size_t kRoomForSteps = 1500;  // of kMaxDetail, in a failure

std::string time_between(int64_t begin, int64_t end) {
  char text[32];
  std::snprintf(text, sizeof text, " %.1f ms\n", static_cast<double>(end - begin) / kMillisecond);
  return text;
}

}  // namespace

std::string clean_text(std::string_view text, size_t most) {
  std::string clean(text.substr(0, most));
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  std::ranges::replace_if(clean, is_control, ' ');
  return clean;
}

TemplateJourney::TemplateJourney(int64_t began) { steps_.push_back({began, "start the loader"}); }

// Those that are too many count for the last one.
void TemplateJourney::step(int64_t at, std::string_view what, int64_t now) {
  if (ready_ != 0) return;
  if (steps_.size() == kMostSteps) {
    steps_.back().what = "more than can be shown, the last: " + clean_text(what, kLongestStep);
    return;
  }
  steps_.push_back(
      {std::clamp(at, steps_.back().at, std::max(now, steps_.back().at)), clean_text(what, kLongestStep)});
}

void TemplateJourney::ready(int64_t at, int64_t now) {
  ready_ = std::clamp(at, steps_.back().at, std::max(now, steps_.back().at));
}

void TemplateJourney::line(std::string_view text) {
  lines_.push_back(clean_text(text, kLongestLine));
  if (lines_.size() > kMostLines) lines_.pop_front();
}

std::string TemplateJourney::steps(int64_t now) const {
  std::string text;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const int64_t last = ready_ != 0 ? ready_ : std::max(now, steps_[i].at);
    text += steps_[i].what + time_between(steps_[i].at, i + 1 < steps_.size() ? steps_[i + 1].at : last);
  }
  return text;
}

std::string TemplateJourney::failure(std::string_view why, int64_t now) const {
  std::string text = clean_text(why, kLongestLine);
  if (ready_ == 0) text += ", in the step \"" + current_step() + "\"";
  text += '\n';
  std::string loaded = steps(now);
  if (loaded.size() > kRoomForSteps) {
    loaded.erase(0, loaded.size() - kRoomForSteps);
    loaded.erase(0, loaded.find('\n') + 1);
  }
  text += loaded;
  size_t first = lines_.size();  // the last lines that there is room for
  for (size_t room = kMaxDetail - text.size(); first > 0 && lines_[first - 1].size() + 3 <= room; --first)
    room -= lines_[first - 1].size() + 3;
  for (; first < lines_.size(); ++first) text += "| " + lines_[first] + '\n';
  text.pop_back();
  return text;
}

void LineCutter::add(std::string_view bytes) { pending_ += bytes; }

bool LineCutter::take(std::string& line) {
  const size_t end = pending_.find('\n');
  if (end == std::string::npos && pending_.size() < kLongestLine) return false;
  const size_t length = std::min(end, kLongestLine);
  line = pending_.substr(0, length);
  pending_.erase(0, length + (length == end ? 1 : 0));
  return true;
}

bool LineCutter::take_rest(std::string& line) {
  line = std::move(pending_);
  pending_.clear();
  return !line.empty();
}

}  // namespace remuda::spawner
