// SPDX-License-Identifier: Apache-2.0
//
// A real spawner, forked, and real programs: what they get, how failures are told, who is ended when.
#include "spawner/spawner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <thread>

#include "spawner/testing/spawner_fixture.h"

namespace remuda::spawner {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

using SpawnerTest = SpawnerFixture;

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

TEST_F(SpawnerTest, SchedulingComesFromTheTable) {
  stop();
  options_.apps[0].scheduling = Scheduling::kBatch;
  start();
  const std::string path = script("policy", "#!/bin/sh\nawk '{ print $41 }' /proc/$$/stat\n");
  EXPECT_EQ(read_all(spawn(1, path).output), std::to_string(SCHED_BATCH) + "\n");
  EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
}

TEST_F(SpawnerTest, IdentityAndLimitsComeFromTheTable) {
  if (getuid() != 0) GTEST_SKIP() << "only root changes users";
  stop();
  options_.apps[0].identity = Identity{65534, 65534, {}};
  options_.apps[0].limits.open_files = 77;
  options_.apps[0].limits.core_size = 0;
  options_.apps[0].umask = 027;
  options_.apps[0].niceness = 3;
  options_.apps[0].privileges = Privileges::kNoNew;
  chmod(directory_.c_str(), 0755);
  start();
  const Pipes pipes = spawn(1, script("who",
                                      "#!/bin/sh\nid -u; id -G; ulimit -n; ulimit -Hc; umask; nice; "
                                      "grep NoNew /proc/self/status\n"));
  const std::string niceness = std::to_string(std::min(getpriority(PRIO_PROCESS, 0) + 3, 19));
  EXPECT_EQ(read_all(pipes.output), "65534\n65534\n77\n0\n0027\n" + niceness + "\nNoNewPrivs:\t1\n");
  chmod(directory_.c_str(), 0700);
  exited_next();
  const Pipes refused = spawn(2, script("who", "#!/bin/sh\n"));
  const auto failed = failed_next();
  EXPECT_EQ(failed.step, Step::kDirectory);
  EXPECT_EQ(failed.error, EACCES);
}

TEST_F(SpawnerTest, AUserWithTooManyProcessesStartsNoOther) {
  if (getuid() != 0) GTEST_SKIP() << "only root changes users";
  stop();
  constexpr uid_t kNobodyElse = 1'234'567'890;  // has no other process
  options_.apps[0].identity = Identity{kNobodyElse, 65534, {}};
  options_.apps[0].limits.processes = 0;
  chmod(directory_.c_str(), 0755);
  start();
  const std::string path = script("wait", "#!/bin/sh\nexec sleep 60\n");
  const Pipes first = spawn(1, path);  // the kernel counts those that are there before
  EXPECT_TRUE(std::holds_alternative<Started>(reply()));
  const Pipes second = spawn(2, path);
  const auto failed = failed_next();
  EXPECT_EQ(failed.step, Step::kExec);
  EXPECT_EQ(failed.error, EAGAIN);
  EXPECT_THAT(std::string(failed.detail), testing::HasSubstr("process_limits.processes"));
}

}  // namespace
}  // namespace remuda::spawner
