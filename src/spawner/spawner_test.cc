// SPDX-License-Identifier: Apache-2.0
//
// A real spawner, forked, and real programs: what they get, how failures are told, who is ended when.
#include "spawner/spawner.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "spawner/channel.h"
#include "spawner/protocol.h"

namespace remuda::spawner {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

struct Pipe {
  base::Fd read;
  base::Fd write;
};

Pipe make_pipe() {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  return {base::Fd(ends[0]), base::Fd(ends[1])};
}

std::string read_all(const base::Fd& fd) {
  std::string text;
  std::array<char, 4096> room;
  for (ssize_t got = 0; (got = read(fd.get(), room.data(), room.size())) > 0;) text.append(room.data(), got);
  return text;
}

bool gone(pid_t pid) {
  for (int i = 0; i < 300; ++i) {
    if (kill(pid, 0) < 0 && errno == ESRCH) return true;
    waitpid(pid, nullptr, WNOHANG);  // an orphan is ours: we are its reaper
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

class SpawnerTest : public testing::Test {
 protected:
  void SetUp() override {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    directory_ = std::filesystem::temp_directory_path() / ("remuda-spawner-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_ / "sub");
    options_.kill_after = 300ms;
    options_.supervisor = getpid();
    AppRules rules{.name = "cgi", .root = directory_.string()};
    rules.environment = {"PATH=/usr/bin:/bin", "HTTPS=configured"};
    options_.apps.push_back(rules);
    auto pair = make_socket_pair();
    ASSERT_TRUE(pair);
    channel_ = std::move(*pair);
    start();
  }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(directory_);
  }

  void start() {
    auto control = make_socket_pair();
    ASSERT_TRUE(control);
    spawner_ = fork();
    if (spawner_ == 0) {
      control->worker.reset();
      channel_.worker.reset();
      options_.control = control->spawner.release();
      options_.channels = {{.socket = channel_.spawner.get(), .what = {}}};
      _exit(run(options_));
    }
    control_ = std::move(control->worker);
    ++options_.generation;
    EXPECT_TRUE(std::holds_alternative<Hello>(reply()));
  }
  int stop() {
    control_.reset();
    int status = -1;
    if (spawner_ > 0) waitpid(spawner_, &status, 0);
    spawner_ = -1;
    return status;
  }

  std::string script(const std::string& name, const std::string& text, mode_t mode = 0755) {
    const auto path = directory_ / name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path.string();
  }

  struct Pipes {
    base::Fd output;
    base::Fd errors;
  };
  Pipes spawn(uint64_t id, const std::string& program, const std::string& environment = "QUERY_STRING=\0"s,
              uint32_t app = 0) {
    Pipe output = make_pipe();
    Pipe errors = make_pipe();
    std::vector<std::byte> packet;
    encode_head({.id = id, .app = app, .program = program}, environment.size(), packet);
    const auto* const bytes = reinterpret_cast<const std::byte*>(environment.data());
    packet.insert(packet.end(), bytes, bytes + environment.size());
    send(packet, {output.write.get(), errors.write.get()});
    return {std::move(output.read), std::move(errors.read)};
  }
  void send(const std::vector<std::byte>& packet, std::vector<int> descriptors = {}) {
    iovec piece{const_cast<std::byte*>(packet.data()), packet.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 3)> room{};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
      message.msg_control = room.data();
      message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
      cmsghdr* const head = CMSG_FIRSTHDR(&message);
      head->cmsg_level = SOL_SOCKET;
      head->cmsg_type = SCM_RIGHTS;
      head->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
      std::memcpy(CMSG_DATA(head), descriptors.data(), sizeof(int) * descriptors.size());
    }
    EXPECT_GE(sendmsg(channel_.worker.get(), &message, MSG_NOSIGNAL), 0) << strerror(errno);
  }
  void signal(uint64_t id, pid_t pid, int number) {
    std::vector<std::byte> packet;
    encode(Signal{id, pid, number}, packet);
    send(packet);
  }

  // The next one; its packet stays alive until the one after.
  Reply reply() {
    if (rest_.empty()) {
      pollfd waiting{.fd = channel_.worker.get(), .events = POLLIN, .revents = 0};
      EXPECT_EQ(poll(&waiting, 1, 5000), 1) << "no reply";
      received_ = {};
      EXPECT_EQ(receive_packet(channel_.worker.get(), room_, received_), Reception::kPacket);
      rest_ = received_.packet;
    }
    const auto decoded = decode_reply(rest_);
    EXPECT_TRUE(decoded);
    return decoded.value_or(Reply(Hello{}));
  }

  Failed failed_next() {
    Reply next = reply();
    return std::get<Failed>(next);
  }
  // A program that takes a while is announced before.
  Exited exited_next() {
    Reply next = reply();
    if (std::holds_alternative<Started>(next)) next = reply();
    return std::get<Exited>(next);
  }

  std::filesystem::path directory_;
  Options options_;
  SocketPair channel_;
  base::Fd control_;
  pid_t spawner_ = -1;
  std::vector<std::byte> room_ = std::vector<std::byte>(kMaxPacket + 1);
  Received received_;
  std::span<const std::byte> rest_;
};

TEST_F(SpawnerTest, RunsAScriptInItsDirectoryWithNothingElse) {
  const auto path = script(
      "sub/hello", "#!/bin/sh\necho $0; pwd; echo $QUERY_STRING $HTTPS; ls /proc/$$/fd; umask; echo $#\n");
  const Pipes pipes = spawn(1, path, "QUERY_STRING=a=b\0"s);
  const std::string where = (directory_ / "sub").string();
  // 10 is the shell's own handle on its script.
  EXPECT_EQ(read_all(pipes.output), path + "\n" + where + "\na=b configured\n0\n1\n10\n2\n0022\n0\n");
  const auto exited = exited_next();
  EXPECT_EQ(exited.status, 0);
  EXPECT_GT(exited.times.started, exited.times.received);
  EXPECT_GE(exited.times.ended, exited.times.started);
}

TEST_F(SpawnerTest, RequestsVariableWinsOverTheConfiguredOne) {
  const auto path = script("env", "#!/bin/sh\nenv\n");
  const Pipes pipes = spawn(1, path, "HTTPS=on\0"s);
  const std::string text = read_all(pipes.output);
  EXPECT_NE(text.find("HTTPS=on\n"), std::string::npos);
  EXPECT_EQ(text.find("configured"), std::string::npos);
}

TEST_F(SpawnerTest, SignalsAreAsAProgramExpectsThem) {
  const auto path = script("mask", "#!/bin/sh\ngrep -E 'Sig(Blk|Ign)' /proc/self/status\n");
  const Pipes pipes = spawn(1, path);
  EXPECT_EQ(read_all(pipes.output), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

struct Broken {
  const char* name;
  const char* text;
  mode_t mode;
  int error;
  Step step;
  const char* detail;
};

TEST_F(SpawnerTest, FailuresAreTold) {
  const Broken broken[] = {
      {"no_shebang", "echo hello\n", 0755, ENOEXEC, Step::kExec, ""},
      {"not_executable", "#!/bin/sh\n", 0644, EACCES, Step::kExec, ""},
      {"no_interpreter", "#!/no/such/interpreter -x\n", 0755, ENOENT, Step::kInterpreter,
       "/no/such/interpreter"},
      {"dos", "#!/bin/sh\r\necho\r\n", 0755, ENOENT, Step::kInterpreter, "/bin/sh\r"},
      {"interpreter_no_x", "#!/etc/passwd\n", 0755, EACCES, Step::kInterpreter, "/etc/passwd"},
  };
  uint64_t id = 0;
  for (const Broken& each : broken) {
    const Pipes pipes = spawn(++id, script(each.name, each.text, each.mode));
    EXPECT_EQ(read_all(pipes.output), "");
    const auto failed = failed_next();
    EXPECT_EQ(failed.id, id);
    EXPECT_EQ(failed.error, each.error) << each.name;
    EXPECT_EQ(failed.step, each.step) << each.name;
    EXPECT_EQ(failed.detail, each.detail) << each.name;
  }
  const Pipes missing = spawn(++id, (directory_ / "missing").string());
  EXPECT_EQ(failed_next().error, ENOENT);
  const Pipes is_directory = spawn(++id, (directory_ / "sub").string());
  EXPECT_EQ(failed_next().error, EACCES);
}

TEST_F(SpawnerTest, NothingOutsideTheRootIsRun) {
  std::filesystem::create_symlink("/bin/echo", directory_ / "way_out");
  const std::string root = directory_.string();
  uint64_t id = 0;
  for (const std::string& path : {root + "/way_out", root + "/../../bin/echo", "/bin/echo"s,
                                  root + "/sub/../../../bin/echo", root + "x/echo"}) {
    const Pipes pipes = spawn(++id, path);
    const auto failed = failed_next();
    EXPECT_EQ(failed.step, Step::kResolve) << path;
    EXPECT_EQ(failed.error, EXDEV) << path;
  }
  const Pipes no_app = spawn(++id, root + "/x", "QUERY_STRING=\0"s, 9);
  EXPECT_EQ(failed_next().step, Step::kRequest);
}

TEST_F(SpawnerTest, ARequestSetsOnlyVariablesOfCgi) {
  const auto path = script("hello", "#!/bin/sh\n");
  uint64_t id = 0;
  for (const std::string& variable :
       {"LD_PRELOAD=/tmp/x.so"s, "PATH=/tmp"s, "HTTP_PROXY=http://evil"s, "PERL5LIB=/tmp"s, "no"s}) {
    const Pipes pipes = spawn(++id, path, variable + '\0');
    EXPECT_EQ(failed_next().step, Step::kRequest) << variable;
  }
}

TEST_F(SpawnerTest, ALongRunningProgramIsAnnouncedWithItsPidfd) {
  const Pipes pipes = spawn(1, script("sleep", "#!/bin/sh\nexec sleep 60\n"));
  const auto started = std::get<Started>(reply());
  EXPECT_EQ(received_.descriptor_count, 1U);
  EXPECT_EQ(getpgid(started.pid), started.pid);
  signal(1, 0, SIGTERM);
  const auto exited = exited_next();
  EXPECT_EQ(exited.pid, started.pid);
  EXPECT_TRUE(WIFSIGNALED(exited.status));
}

TEST_F(SpawnerTest, TermIsFollowedByKillOfTheGroup) {
  const Pipes pipes = spawn(
      1, script("stubborn", "#!/bin/sh\ntrap '' TERM\necho ready\nsleep 60 & while :; do wait; done\n"));
  const auto started = std::get<Started>(reply());
  std::array<char, 6> ready;
  EXPECT_EQ(read(pipes.output.get(), ready.data(), 6), 6);
  signal(1, 0, SIGTERM);
  EXPECT_EQ(WTERMSIG(exited_next().status), SIGKILL);
  EXPECT_EQ(read_all(pipes.output), "");  // the grandchild has gone, too
  EXPECT_TRUE(gone(started.pid));
}

TEST_F(SpawnerTest, AStoppedProgramIsEnded) {
  const Pipes pipes = spawn(1, script("sleep", "#!/bin/sh\nexec sleep 60\n"));
  const auto started = std::get<Started>(reply());
  kill(started.pid, SIGSTOP);
  signal(1, 0, SIGTERM);
  EXPECT_TRUE(WIFSIGNALED(exited_next().status));
}

TEST_F(SpawnerTest, OthersProcessesAreNotSignalled) {
  const pid_t innocent = fork();
  if (innocent == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pause();
    _exit(0);
  }
  std::this_thread::sleep_for(20ms);
  signal(77, innocent,
         SIGKILL);  // a group leader and the supervisor's child, but it runs this very program: a worker
  const Pipes pipes = spawn(1, script("hello", "#!/bin/sh\n"));
  reply();
  EXPECT_EQ(waitpid(innocent, nullptr, WNOHANG), 0);
  kill(innocent, SIGKILL);
  waitpid(innocent, nullptr, 0);
}

TEST_F(SpawnerTest, AWorkerThatGoesTakesItsProgramsWithIt) {
  const Pipes pipes = spawn(1, script("sleep", "#!/bin/sh\nexec sleep 60\n"));
  const auto started = std::get<Started>(reply());
  channel_.worker.reset();
  EXPECT_EQ(read_all(pipes.output), "");
  EXPECT_TRUE(gone(started.pid));
}

TEST_F(SpawnerTest, TheSupervisorsEndEndsAll) {
  const Pipes pipes =
      spawn(1, script("stubborn", "#!/bin/sh\ntrap '' TERM\nsleep 60 & while :; do wait; done\n"));
  const auto started = std::get<Started>(reply());
  EXPECT_EQ(stop(), 0);
  EXPECT_TRUE(gone(started.pid));
}

TEST_F(SpawnerTest, RequestsSurviveTheSpawner) {
  const Pipes running = spawn(1, script("sleep", "#!/bin/sh\nexec sleep 60\n"));
  const auto started = std::get<Started>(reply());
  kill(spawner_, SIGKILL);
  waitpid(spawner_, nullptr, 0);
  const Pipes waiting = spawn(2, script("hello", "#!/bin/sh\necho hello\n"));
  start();  // reads Hello
  EXPECT_EQ(read_all(waiting.output), "hello\n");
  EXPECT_EQ(exited_next().id, 2U);
  EXPECT_EQ(kill(started.pid, 0), 0);
  signal(1, started.pid, SIGTERM);  // an orphan of the former spawner
  EXPECT_EQ(read_all(running.output), "");
  EXPECT_TRUE(gone(started.pid));
}

TEST_F(SpawnerTest, OrphansEndWithTheSupervisor) {
  const Pipes running = spawn(1, script("sleep", "#!/bin/sh\nexec sleep 60\n"));
  const auto started = std::get<Started>(reply());
  kill(spawner_, SIGKILL);
  waitpid(spawner_, nullptr, 0);
  start();
  stop();
  EXPECT_TRUE(gone(started.pid));
}

TEST_F(SpawnerTest, PongComesAfterEverythingBefore) {
  const Pipes pipes = spawn(1, script("sleep", "#!/bin/sh\nexec sleep 60\n"));
  std::vector<std::byte> packet;
  encode(Ping{42}, packet);
  send(packet);
  EXPECT_TRUE(std::holds_alternative<Started>(reply()));
  EXPECT_EQ(std::get<Pong>(reply()).token, 42U);
}

TEST_F(SpawnerTest, AChannelCanComeLater) {
  auto pair = make_socket_pair();
  ASSERT_TRUE(send_channel(control_.get(), {.socket = pair->spawner.get(), .what = {}}));
  pair->spawner.reset();
  std::swap(channel_.worker, pair->worker);
  const Pipes pipes = spawn(1, script("hello", "#!/bin/sh\necho hello\n"));
  EXPECT_EQ(read_all(pipes.output), "hello\n");
  EXPECT_EQ(exited_next().id, 1U);
}

TEST_F(SpawnerTest, RubbishEndsTheChannelOnly) {
  send(std::vector<std::byte>(100));
  pollfd waiting{.fd = channel_.worker.get(), .events = 0, .revents = 0};
  channel_.spawner.reset();  // the test's own copy
  EXPECT_EQ(poll(&waiting, 1, 5000), 1);
  EXPECT_EQ(stop(), 0);
}

TEST_F(SpawnerTest, IdentityAndLimitsComeFromTheTable) {
  if (getuid() != 0) GTEST_SKIP() << "only root changes users";
  stop();
  options_.apps[0].identity = Identity{65534, 65534, {}};
  options_.apps[0].limits.open_files = 77;
  options_.apps[0].umask = 027;
  options_.apps[0].privileges = Privileges::kNoNew;
  chmod(directory_.c_str(), 0755);
  start();
  const Pipes pipes =
      spawn(1, script("who", "#!/bin/sh\nid -u; id -G; ulimit -n; umask; grep NoNew /proc/self/status\n"));
  EXPECT_EQ(read_all(pipes.output), "65534\n65534\n77\n0027\nNoNewPrivs:\t1\n");
  chmod(directory_.c_str(), 0700);
  exited_next();
  const Pipes refused = spawn(2, script("who", "#!/bin/sh\n"));
  const auto failed = failed_next();
  EXPECT_EQ(failed.step, Step::kDirectory);
  EXPECT_EQ(failed.error, EACCES);
}

}  // namespace
}  // namespace remuda::spawner
