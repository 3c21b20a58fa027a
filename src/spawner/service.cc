// SPDX-License-Identifier: Apache-2.0
//
// See the header.
#include "spawner/service.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "spawner/launch.h"
#include "spawner/usage.h"

namespace remuda::spawner {

namespace {

// A program that ends within this time is announced together with its end: one message instead of two, and no
// pidfd.
constexpr int64_t kStartedDelay = 5'000'000;
constexpr int kPacketsATurn = 16;

// For programs whose rules have none.
constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

int64_t microseconds(const timeval& time) { return time.tv_sec * 1'000'000 + time.tv_usec; }

sigset_t only_while_waiting() {
  sigset_t blocked;
  sigfillset(&blocked);
  sigdelset(&blocked, SIGCHLD);
  return blocked;
}

// An instance: its listener, and one pipe for both outputs. A program: [input], output, errors.
std::array<int, 3> standard_descriptors(const Spawn& spawn, const Received& received, int no_input) {
  const auto number = [&](size_t i) { return received.descriptors[i].get(); };
  switch (spawn.input) {
    case Input::kNone: return {no_input, number(0), number(1)};
    case Input::kGiven: return {number(0), number(1), number(2)};
    case Input::kListener: return {number(0), number(1), number(1)};
  }
  return {};
}

}  // namespace

Service::Service(const Options& options)
    : options_(options),
      no_input_(open("/dev/null", O_RDONLY | O_CLOEXEC)),
      orphans_(options.supervisor),
      processes_(std::chrono::nanoseconds(options.kill_after).count(), orphans_),
      keeper_(processes_, options.generation),
      packet_(kMaxPacket + 1) {
  apps_.reserve(options.apps.size());
  for (const AppRules& rules : options.apps) add_app(rules);
  for (const ChannelEnd& end : options.channels) {
    channels_.push_back(std::make_unique<Channel>(base::Fd(end.socket), end.what.serial, end.what.place));
    channels_.back()->reply(Hello{options.generation});
  }
  keeper_.adopt(options.instances, channels_);
  // Before the first spawner there was none whose programs could have been left.
  if (options.generation > 1) orphans_.remember();
}

void Service::add_app(const AppRules& rules) {
  App& app = apps_.emplace_back(App{rules, Root(rules.root), {}, {}, {}});
  app.arguments.push_back(nullptr);
  for (std::string& argument : app.rules.arguments) app.arguments.push_back(argument.data());
  app.arguments.push_back(nullptr);
  const auto is_path = [](const std::string& variable) { return variable.starts_with("PATH="); };
  if (std::ranges::none_of(app.rules.environment, is_path)) app.rules.environment.emplace_back(kPath);
  for (std::string& variable : app.rules.environment) {
    if (may_be_set_by_request(variable)) {
      app.shared.push_back(variable);
    } else {
      app.environment.push_back(variable.data());
    }
  }
}

void Service::serve() {
  while (supervised_) {
    keeper_.flush(options_.control);  // first: what a worker knows of, the next spawner is to know as well
    for (const auto& channel : channels_) channel->flush();
    wait();
    reap();
    const std::span polled(polled_);
    keeper_.take_ended(polled.subspan(1 + polled_channels_));
    // read_control() adds to channels_: what was polled is read first.
    for (size_t i = 0; i < polled_channels_; ++i) {
      if ((polled_[i + 1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) read_channel(*channels_[i]);
    }
    drop_ended_channels();
    if ((polled_[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) read_control();
    const int64_t now = now_ns();
    processes_.kill_overdue(now);
    announce_due(now);
  }
}

void Service::wait() {
  const auto events = [](bool has_more) { return static_cast<short>(has_more ? POLLIN | POLLOUT : POLLIN); };
  polled_.clear();
  polled_.push_back({.fd = options_.control, .events = events(keeper_.has_notices()), .revents = 0});
  for (const auto& channel : channels_)
    polled_.push_back({.fd = channel->socket(), .events = events(channel->has_replies()), .revents = 0});
  polled_channels_ = channels_.size();
  keeper_.add_polled(polled_);
  const int64_t deadline = next_deadline();
  timespec timeout{};
  if (deadline != INT64_MAX) {
    const int64_t left = std::max<int64_t>(deadline - now_ns(), 0);
    timeout = {.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
  }
  static const sigset_t mask = only_while_waiting();
  const int ready = ppoll(polled_.data(), polled_.size(), deadline == INT64_MAX ? nullptr : &timeout, &mask);
  if (ready >= 0) return;
  for (pollfd& each : polled_) each.revents = 0;
}

int64_t Service::next_deadline() const {
  const int64_t announcement = announcements_.empty() ? INT64_MAX : announcements_.front().due;
  return std::min(announcement, processes_.next_kill());
}

void Service::reap() {
  while (!processes_.empty()) {
    int status = 0;
    rusage usage{};
    const pid_t pid = wait4(-1, &status, WNOHANG, &usage);
    if (pid <= 0) return;
    if (processes_.find(pid) == nullptr) continue;
    const Running running = processes_.remove(pid);
    if (running.kill_at != 0) kill(-pid, SIGKILL);  // what its group has left had the same time
    if (running.instance != nullptr) keeper_.forget(pid);
    if (running.channel == nullptr) continue;
    Exited exited{.id = running.id, .pid = pid, .status = status, .times = running.times, .usage = {}};
    exited.left_others = kill(-pid, 0) == 0;
    exited.times.ended = now_ns();
    exited.usage = {microseconds(usage.ru_utime), microseconds(usage.ru_stime), usage.ru_maxrss};
    running.channel->reply(exited);
  }
}

// Each packet from the supervisor brings one more channel.
void Service::read_control() {
  Received received;
  const Reception reception = receive_packet(options_.control, packet_, received);
  if (reception == Reception::kEnd) {
    supervised_ = false;
    return;
  }
  if (reception == Reception::kNothing || received.descriptor_count != 1) return;
  const auto what = decode_new_channel(received.packet);
  if (!what) return;
  if (what->place != kNoPlace) end_channel_of(what->place);
  channels_.push_back(
      std::make_unique<Channel>(std::move(received.descriptors[0]), what->serial, what->place));
  keeper_.give(*channels_.back());
}

// Its worker has ended, and what it had asked for until then is dealt with first.
void Service::end_channel_of(int32_t place) {
  for (const auto& channel : channels_) {
    if (channel->place() != place) continue;
    while (!channel->ended && read_packet(*channel)) {
    }
    channel->ended = true;
  }
  drop_ended_channels();
}

void Service::read_channel(Channel& channel) {
  for (int i = 0; i < kPacketsATurn && !channel.ended; ++i) {
    if (!read_packet(channel)) return;
  }
}

// False: there is none now.
bool Service::read_packet(Channel& channel) {
  Received received;
  const Reception reception = receive_packet(channel.socket(), packet_, received);
  channel.ended = channel.ended || reception == Reception::kEnd;
  if (reception != Reception::kPacket) return false;
  while (!received.packet.empty()) {
    const auto request = decode_request(received.packet);
    if (!request) {
      channel.ended = true;
      return false;
    }
    obey(channel, *request, received);
  }
  return true;
}

void Service::drop_ended_channels() {
  const int64_t now = now_ns();
  std::erase_if(channels_, [&](const auto& channel) {
    if (!channel->ended) return false;
    processes_.end_all_of(channel.get(), now);
    return true;
  });
}

void Service::obey(Channel& channel, const Request& request, Received& received) {
  if (const auto* const asked = std::get_if<Spawn>(&request)) {
    spawn(channel, *asked, received);
  } else if (const auto* const signal = std::get_if<Signal>(&request)) {
    processes_.signal(&channel, *signal, now_ns());
  } else if (const auto* const wish = std::get_if<Measure>(&request)) {
    measure(channel, *wish);
  } else if (const auto* const ping = std::get_if<Ping>(&request)) {
    announce_all();  // "dealt with" is known on the other side when Pong arrives
    channel.reply(Pong{ping->token});
  }
}

void Service::spawn(Channel& channel, const Spawn& spawn, Received& received) {
  StepTimes times;
  times.received = now_ns();
  if (spawn.app >= apps_.size())
    return fail(channel, spawn.id, times, {EINVAL, Step::kRequest, "no such application"});
  App& app = apps_[spawn.app];
  if (received.descriptor_count != descriptors_of(Request(spawn))) {
    return fail(channel, spawn.id, times, {EMFILE, Step::kDescriptors, "descriptors did not arrive"});
  }
  const char* program = nullptr;
  const Refusal refusal = check(channel, app, spawn, program, times.received);
  if (refusal.error != 0) return fail(channel, spawn.id, times, refusal);
  start(channel, app, spawn, received, program, times);
}

void Service::start(Channel& channel, App& app, const Spawn& spawn, Received& received, const char* program,
                    StepTimes times) {
  Launch wanted{.path = program,
                .arguments = gather_arguments(app, spawn, program),
                .environment = environment_.data(),
                .rules = &app.rules};
  wanted.directory = directory_for(app, program);
  wanted.descriptors = standard_descriptors(spawn, received, no_input_.get());
  const Launched launched = launch(wanted);
  times.started = now_ns();
  if (launched.error != 0) {
    const bool exec = launched.step == Step::kExec;
    return fail(
        channel, spawn.id, times,
        exec ? explain_exec_failure(program, launched.error) : Refusal{launched.error, launched.step, {}});
  }
  keeper_.make_room(launched.pid);
  Running running{.channel = &channel, .id = spawn.id, .times = times};
  if (spawn.input != Input::kListener) {
    processes_.add(launched.pid, std::move(running));
    announcements_.push_back({times.started + kStartedDelay, launched.pid});
    return;
  }
  running.instance = std::make_unique<Instance>(Instance{.app = spawn.app,
                                                         .place = channel.place(),
                                                         .label = std::string(spawn.label),
                                                         .pidfd = open_pidfd(launched.pid),
                                                         .errors = std::move(received.descriptors[2])});
  keeper_.keep(launched.pid, processes_.add(launched.pid, std::move(running)));
  announce(launched.pid);
}

Refusal Service::check(const Channel& channel, App& app, const Spawn& spawn, const char*& program,
                       int64_t now) {
  const bool may_outlive = app.rules.outlives == Outlives::kWorker && channel.is_home();
  if (spawn.input == Input::kListener && !may_outlive)
    return {EPERM, Step::kRequest, "an instance of an application that has none, or not over a home channel"};
  if (!app.rules.program.empty()) {
    if (!spawn.program.empty() && spawn.program != app.rules.program)
      return {EPERM, Step::kResolve, "not the application's program"};
    program = app.rules.program.c_str();
  } else {
    if (const int error = app.root.check(spawn.program, now); error != 0) return {error, Step::kResolve, {}};
    program = spawn.program.data();
  }
  if (!gather_environment(app, spawn)) return {EPERM, Step::kRequest, "a variable that no request may set"};
  return {};
}

// Pointers into the packet and the rules; nothing is copied.
bool Service::gather_environment(const App& app, const Spawn& spawn) {
  environment_.assign(app.environment.begin(), app.environment.end());
  std::string_view rest = spawn.environment;
  while (!rest.empty()) {
    const size_t length = rest.find('\0');
    const std::string_view variable = rest.substr(0, length);
    const bool may = spawn.input == Input::kListener ? may_be_set_by_pool(variable) : may_be_set_by_request(variable);
    if (!may) return false;
    environment_.push_back(const_cast<char*>(rest.data()));
    rest.remove_prefix(length + 1);
  }
  const size_t brought = environment_.size();
  for (const std::string_view variable : app.shared) {
    const size_t name = variable.find('=') + 1;
    const bool is_brought =
        std::any_of(environment_.begin(), environment_.begin() + static_cast<ptrdiff_t>(brought),
                    [&](const char* each) { return std::strncmp(each, variable.data(), name) == 0; });
    if (!is_brought) environment_.push_back(const_cast<char*>(variable.data()));
  }
  environment_.push_back(nullptr);
  return true;
}

char* const* Service::gather_arguments(App& app, const Spawn& spawn, const char* program) {
  app.arguments[0] = const_cast<char*>(program);
  if (spawn.input != Input::kListener || spawn.environment.empty()) return app.arguments.data();
  filled_arguments_.clear();
  for (const std::string& argument : app.rules.arguments)
    filled_arguments_.push_back(filled_in(argument, spawn.environment));
  arguments_.assign(1, app.arguments[0]);
  for (std::string& argument : filled_arguments_) arguments_.push_back(argument.data());
  arguments_.push_back(nullptr);
  return arguments_.data();
}

const char* Service::directory_for(const App& app, const char* program) {
  if (!app.rules.directory.empty()) return app.rules.directory.c_str();
  directory_ = program;
  directory_.resize(std::max<size_t>(directory_.rfind('/'), 1));
  return directory_.c_str();
}

void Service::fail(Channel& channel, uint64_t id, const StepTimes& times, const Refusal& refusal) {
  channel.reply(Failed{id, refusal.error, refusal.step, times, refusal.detail});
}

void Service::announce_due(int64_t now) {
  while (!announcements_.empty() && announcements_.front().due <= now) {
    const pid_t pid = announcements_.front().pid;
    announcements_.pop_front();
    announce(pid);
  }
}

void Service::announce_all() { announce_due(INT64_MAX); }

// Nothing if it has ended already. Its number is safe to use: it is our child and has not been waited for. (A
// number that was used again meanwhile is announced a little early.)
void Service::announce(pid_t pid) {
  Running* const running = processes_.find(pid);
  if (running == nullptr || running->announced || running->channel == nullptr) return;
  running->announced = true;
  base::Fd pidfd = running->instance != nullptr ? copy_of(running->instance->pidfd) : open_pidfd(pid);
  running->channel->reply_with(Started{running->id, pid, running->times}, std::move(pidfd));
}

void Service::measure(Channel& channel, const Measure& wish) {
  const pid_t pid = processes_.find(&channel, wish.id);
  Measured measured = pid != 0 ? spawner::measure(pid) : Measured{.error = ESRCH};
  measured.token = wish.token;
  channel.reply(measured);
}

void Service::end_all() {
  std::vector<pid_t> orphans = orphans_.all();
  std::erase_if(orphans, [this](pid_t pid) { return processes_.find(pid) != nullptr; });  // ended below
  for (const pid_t pid : orphans) kill(-pid, SIGTERM);
  const int64_t kill_after = std::chrono::nanoseconds(options_.kill_after).count();
  const int64_t limit = now_ns() + kill_after;
  channels_.clear();
  processes_.end_all(now_ns());
  timespec pause{.tv_sec = 0, .tv_nsec = 2'000'000};
  const auto orphan_runs = [](pid_t pid) { return kill(-pid, 0) == 0; };
  while (now_ns() < limit && (!processes_.empty() || std::ranges::any_of(orphans, orphan_runs))) {
    int status = 0;
    for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (processes_.find(pid) != nullptr) processes_.remove(pid);
    }
    keeper_.take_ended();
    nanosleep(&pause, nullptr);
    pause.tv_nsec = std::min<long>(pause.tv_nsec * 2, 50'000'000);
  }
  for (const pid_t pid : orphans) kill(-pid, SIGKILL);
  processes_.kill_overdue(now_ns() + kill_after);  // every one of them
}

}  // namespace remuda::spawner
