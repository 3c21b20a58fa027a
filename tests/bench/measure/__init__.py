# SPDX-License-Identifier: Apache-2.0
"""Remuda beside other servers: what each spends on the same work, in one run, on one machine.

The figure is the processor time of the server per request, over all its processes, not the rate: the rate depends on
who else uses the machine and on the load generator, the processor time hardly does. Servers are pinned to core 0, load to core 1.
"""
