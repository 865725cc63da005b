#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Boot a Debian kernel with AppArmor in qemu and run a script in it as PID 1.
#
#   boot.sh PAYLOAD LOG SECONDS
#
# PAYLOAD is a folder that becomes /payload; /payload/init is run. What it prints on the console is in
# LOG. The kernel and the root file system are fetched with apt once and kept in the cache.
set -eu

payload=$1 log=$2 seconds=$3
cache=${WHITTLE_TEST_CACHE:-/var/cache/whittle-tests}/vm
packages=mount,nginx-light,redis-server,apparmor,libseccomp2,libapparmor1,libunwind8,libjansson4,libbpf1,wrk,iproute2,procps,libcap2-bin,curl

mkdir -p "$cache"
work=$(mktemp -d "${TMPDIR:-/tmp}/whittle-vm.XXXXXX")
trap 'rm -rf "$work"' EXIT

fetch_kernel() {
	package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: //p' | head -n 1)
	[ -n "$package" ] || { echo "apt knows no linux-image-cloud-amd64: run apt-get update" >&2; return 1; }
	mkdir "$work/deb"
	chmod 755 "$work/deb"
	(cd "$work/deb" && apt-get -q download "$package" >/dev/null 2>&1)
	dpkg-deb -x "$work"/deb/*.deb "$work/kernel"
	mkdir "$work/keep"
	cp "$work"/kernel/boot/vmlinuz-* "$work/keep/vmlinuz"
	for module in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk; do
		find "$work/kernel/lib/modules" -name "$module.ko" -exec cp {} "$work/keep/" \;
	done
	mv "$work/keep" "$cache/kernel"
}

fetch_root() {
	mmdebstrap --quiet --variant=essential --include="$packages" \
		--aptopt='Apt::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		bookworm "$work/root.tar" >"$work/mmdebstrap.log" 2>&1 || { tail -n 5 "$work/mmdebstrap.log" >&2; return 1; }
	mv "$work/root.tar" "$cache/root-$key.tar"
}

make_initramfs() {
	mkdir -p "$work/initramfs/bin" "$work/initramfs/mnt" "$work/initramfs/dev"
	cp /bin/busybox "$work/initramfs/bin/busybox"
	cp "$cache"/kernel/*.ko "$work/initramfs/"
	cat >"$work/initramfs/init" <<'INIT'
#!/bin/busybox sh
for module in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk; do
	/bin/busybox insmod /$module.ko
done
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t ext4 /dev/vda /mnt
exec /bin/busybox switch_root /mnt /payload/init
INIT
	chmod 755 "$work/initramfs/init"
	(cd "$work/initramfs" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initramfs.gz"
}

make_disk() {
	mkdir "$work/root"
	tar -C "$work/root" -xf "$cache/root-$key.tar" --exclude='./dev/*'
	cp -a "$payload" "$work/root/payload"
	mke2fs -q -t ext4 -d "$work/root" "$work/disk.img" 1500M
	rm -rf "$work/root"
}

key=$(printf '%s' "$packages" | cksum | cut -d' ' -f1)
[ -d "$cache/kernel" ] || fetch_kernel
[ -f "$cache/root-$key.tar" ] || fetch_root
make_initramfs
make_disk

timeout "$seconds" qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max -m 1024 -smp 2 -nographic \
	-no-reboot -kernel "$cache/kernel/vmlinuz" -initrd "$work/initramfs.gz" \
	-append 'console=ttyS0 quiet panic=-1 apparmor=1 security=apparmor' \
	-drive "file=$work/disk.img,if=virtio,format=raw" -nic none </dev/null >"$log" 2>&1
