// SPDX-License-Identifier: Apache-2.0
//
// Signals are heard through a descriptor, so that nothing ends before the terminal is put back.
#include "cli/live_screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

namespace remuda::cli {
namespace {

// The other screen, without a cursor, without breaking long lines; and back.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[?7l";
constexpr std::string_view kLeave = "\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr std::string_view kHome = "\x1b[H";
constexpr std::string_view kClearLine = "\x1b[K";
constexpr std::string_view kClearBelow = "\x1b[J";

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};

}  // namespace

LiveScreen::LiveScreen(int input, int output) : input_(input), output_(output) {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  for (const int signal : kSignals) ::sigaddset(&wanted, signal);
  ::sigprocmask(SIG_BLOCK, &wanted, &signals_before_);
  signals_ = base::Fd(::signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC));
  ::tcgetattr(input_, &before_);
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  ::tcsetattr(input_, TCSANOW, &raw);
  write(kEnter);
}

LiveScreen::~LiveScreen() {
  write(kLeave);
  ::tcsetattr(input_, TCSANOW, &before_);
  ::sigprocmask(SIG_SETMASK, &signals_before_, nullptr);
}

ScreenSize LiveScreen::size() const {
  winsize window{};
  if (::ioctl(output_, TIOCGWINSZ, &window) < 0 || window.ws_row == 0 || window.ws_col == 0)
    return {.lines = 24, .columns = 80};
  return {.lines = window.ws_row, .columns = window.ws_col};
}

// Over the last picture, so that nothing flickers. The last line has no end: it would scroll.
void LiveScreen::show(std::string_view picture) {
  std::string text(kHome);
  while (!picture.empty()) {
    const size_t end = std::min(picture.find('\n'), picture.size());
    text += picture.substr(0, end);
    text += kClearLine;
    picture.remove_prefix(std::min(end + 1, picture.size()));
    if (!picture.empty()) text += "\r\n";
  }
  write(text += kClearBelow);
}

LiveScreen::Event LiveScreen::wait(std::chrono::steady_clock::time_point until) {
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    std::array<pollfd, 2> asked{pollfd{.fd = input_, .events = POLLIN, .revents = 0},
                                pollfd{.fd = signals_.get(), .events = POLLIN, .revents = 0}};
    const int ready =
        ::poll(asked.data(), asked.size(), static_cast<int>(std::clamp<int64_t>(left, 0, 60'000)));
    if (ready < 0 && errno != EINTR) return Event::kEnd;
    if (ready == 0) return Event::kTime;
    if (asked[1].revents != 0) return heard_signal();
    if (asked[0].revents != 0 && heard_end()) return Event::kEnd;
  }
}

bool LiveScreen::heard_end() {
  constexpr char kControlC = 3;
  constexpr char kControlD = 4;
  std::array<char, 64> keys{};
  const ssize_t got = ::read(input_, keys.data(), keys.size());
  if (got <= 0) return true;
  return std::any_of(keys.begin(), keys.begin() + got, [](char key) {
    return key == 'q' || key == 'Q' || key == kControlC || key == kControlD;
  });
}

LiveScreen::Event LiveScreen::heard_signal() {
  signalfd_siginfo heard{};
  while (::read(signals_.get(), &heard, sizeof heard) == sizeof heard) {
    if (heard.ssi_signo != SIGWINCH && heard.ssi_signo != SIGTSTP) return Event::kEnd;
  }
  return Event::kResized;
}

void LiveScreen::write(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t written = ::write(output_, text.data(), text.size());
    if (written < 0 && errno != EINTR) return;
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace remuda::cli
