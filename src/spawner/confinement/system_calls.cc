// SPDX-License-Identifier: Apache-2.0
//
// Numbers of system calls, and how their arguments are compared, are libseccomp's. What it does not know is
// left to the kernel's own checks, which a program without root's rights does not pass.
#include "spawner/confinement/system_calls.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>
#include <memory>

#include "base/fd.h"

namespace remuda::spawner {

namespace {

using Context = std::unique_ptr<void, decltype(&seccomp_release)>;

// By what they would give.
constexpr int kDenied[] = {
    // Another file system, or another root.
    SCMP_SYS(mount), SCMP_SYS(umount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
    SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsconfig), SCMP_SYS(fsmount),
    SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(open_by_handle_at), SCMP_SYS(quotactl),
    SCMP_SYS(quotactl_fd), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(fanotify_init),
    // Namespaces, and with them the parts of the kernel that only root could reach before.
    SCMP_SYS(setns), SCMP_SYS(unshare),
    // Other processes' memory and descriptors.
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(process_madvise),
    SCMP_SYS(kcmp), SCMP_SYS(pidfd_getfd),
    // The kernel: its code, its keys, its log, and what finds the way into it.
    SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(create_module),
    SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(bpf), SCMP_SYS(perf_event_open),
    SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(syslog), SCMP_SYS(userfaultfd),
    SCMP_SYS(lookup_dcookie), SCMP_SYS(reboot), SCMP_SYS(acct), SCMP_SYS(iopl), SCMP_SYS(ioperm),
    SCMP_SYS(vm86), SCMP_SYS(vm86old), SCMP_SYS(vhangup), SCMP_SYS(_sysctl), SCMP_SYS(nfsservctl),
    SCMP_SYS(uselib),
    // The machine's clock and name.
    SCMP_SYS(settimeofday), SCMP_SYS(stime), SCMP_SYS(clock_settime), SCMP_SYS(clock_settime64),
    SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime), SCMP_SYS(clock_adjtime64), SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname)};

// Whoever is told that they do not exist goes on without them. The arguments of clone3 are in memory, which a
// filter does not see; io_uring does what is denied here without a system call of its own.
constexpr int kAbsent[] = {SCMP_SYS(clone3), SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter),
                           SCMP_SYS(io_uring_register)};

constexpr unsigned long kNamespaces[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                         CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};

constexpr int kFamilies[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

// Conditions of an argument, counted from 0.
constexpr scmp_arg_cmp has(unsigned argument, uint64_t mask, uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}
constexpr scmp_arg_cmp is(unsigned argument, uint64_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
constexpr scmp_arg_cmp is_not(unsigned argument, uint64_t value) { return {argument, SCMP_CMP_NE, value, 0}; }
constexpr scmp_arg_cmp is_above(unsigned argument, uint64_t value) {
  return {argument, SCMP_CMP_GT, value, 0};
}

class Maker {
 public:
  explicit Maker(scmp_filter_ctx context) : context_(context) {}

  int error() const { return error_; }

  void deny(int call, std::initializer_list<scmp_arg_cmp> when = {}, int with = EPERM) {
    const int result = seccomp_rule_add_array(context_, SCMP_ACT_ERRNO(with), call,
                                              static_cast<unsigned>(when.size()), when.begin());
    if (result < 0 && error_ == 0) error_ = -result;
  }

 private:
  scmp_filter_ctx context_;
  int error_ = 0;
};

// The kernel looks at the lower half of most arguments only; whatever stands in the upper half must not make
// a difference here.
constexpr uint64_t kLowerHalf = 0xffffffff;

void deny_namespaces(Maker& maker) {
  for (const unsigned long flag : kNamespaces) maker.deny(SCMP_SYS(clone), {has(0, flag, flag)});
}

// Devices; the other kinds are a directory's business.
void deny_devices(Maker& maker) {
  for (const mode_t kind : {S_IFCHR, S_IFBLK}) {
    maker.deny(SCMP_SYS(mknod), {has(1, S_IFMT, kind)});
    maker.deny(SCMP_SYS(mknodat), {has(2, S_IFMT, kind)});
  }
}

// Keys typed into, and text pasted into, a terminal that somebody else sits at.
void deny_typing(Maker& maker) {
  constexpr uint64_t kPasting = 0x541C;  // TIOCLINUX
  for (const uint64_t what : {static_cast<uint64_t>(TIOCSTI), kPasting})
    maker.deny(SCMP_SYS(ioctl), {has(1, kLowerHalf, what)});
}

// Asking is allowed; what else there is makes addresses easier to guess.
void deny_personality(Maker& maker) { maker.deny(SCMP_SYS(personality), {is_not(0, kLowerHalf)}); }

// A number in a rule is compared whole: each family that is not wanted is named, and those above at once.
// 32-bit programs make sockets by socketcall(2) as well, whose arguments are in memory: they make none then.
void deny_sockets(Maker& maker) {
  int last = 0;
  for (const int family : kFamilies) {
    for (int unwanted = last + 1; unwanted < family; ++unwanted)
      maker.deny(SCMP_SYS(socket), {is(0, static_cast<uint64_t>(unwanted))}, EAFNOSUPPORT);
    last = family;
  }
  maker.deny(SCMP_SYS(socket), {is_above(0, static_cast<uint64_t>(last))}, EAFNOSUPPORT);
  maker.deny(SCMP_SYS(socket), {is(0, AF_NETLINK), is_not(2, NETLINK_ROUTE)}, EAFNOSUPPORT);
  constexpr uint64_t kTypes = 0xf;
  for (const uint64_t family : {AF_INET, AF_INET6}) {
    for (const uint64_t type : {SOCK_RAW, SOCK_PACKET})
      maker.deny(SCMP_SYS(socket), {is(0, family), has(1, kTypes, type)});
  }
}

// The 32-bit programs that this machine runs; what runs by none of its tables has no system calls.
int add_32_bit(scmp_filter_ctx context) {
  switch (seccomp_arch_native()) {
    case SCMP_ARCH_X86_64: return seccomp_arch_add(context, SCMP_ARCH_X86);
    case SCMP_ARCH_AARCH64: return seccomp_arch_add(context, SCMP_ARCH_ARM);
    default: return 0;
  }
}

// The calls are found as in a binary tree: of a program's hundreds few are looked at.
constexpr uint32_t kBinaryTree = 2;

int prepare(scmp_filter_ctx context) {
  int result = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, kBinaryTree);
  if (result == 0) result = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
  return result == 0 ? -add_32_bit(context) : -result;
}

base::Result<std::vector<sock_filter>> exported(scmp_filter_ctx context) {
  const base::Fd file(memfd_create("filter", MFD_CLOEXEC));
  if (!file) return base::failure_from_errno("export the filter of system calls");
  if (const int result = seccomp_export_bpf(context, file.get()); result < 0)
    return base::failure(-result, "export the filter of system calls");
  const off_t size = lseek(file.get(), 0, SEEK_END);
  std::vector<sock_filter> filter(static_cast<size_t>(size) / sizeof(sock_filter));
  if (pread(file.get(), filter.data(), static_cast<size_t>(size), 0) != size)
    return base::failure(EIO, "export the filter of system calls");
  return filter;
}

}  // namespace

base::Result<std::vector<sock_filter>> make_filter() {
  const Context context(seccomp_init(SCMP_ACT_ALLOW), &seccomp_release);
  if (context == nullptr) return base::failure(ENOMEM, "make the filter of system calls");
  if (const int error = prepare(context.get()); error != 0)
    return base::failure(error, "make the filter of system calls");
  Maker maker(context.get());
  for (const int call : kDenied) maker.deny(call);
  for (const int call : kAbsent) maker.deny(call, {}, ENOSYS);
  deny_namespaces(maker);
  deny_devices(maker);
  deny_typing(maker);
  deny_personality(maker);
  deny_sockets(maker);
  if (maker.error() != 0) return base::failure(maker.error(), "make the filter of system calls");
  return exported(context.get());
}

}  // namespace remuda::spawner
