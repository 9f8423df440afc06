//! Disks, volumes and firmware.

use super::place::{self, Place};
use super::table::{Call, Row, row};
use super::{Context, Found, Rule, ask, deny};
use crate::command::{RedirectKind, Word};

static WRITE_DISK: Rule = deny(
    "devices/write-disk",
    "the whole disk, with every file system on it",
    "write to an image file, or let the person at the machine do it",
);
static FORMAT: Rule = deny(
    "devices/format",
    "everything on the volume",
    "look with `lsblk -f` first, and let the person at the machine do it",
);
static PARTITION: Rule = ask(
    "devices/change-partitions",
    "the partition table, and with it the way to the data",
    "`lsblk` and `fdisk -l` only look; save the table with `sfdisk -d`",
);
static VOLUME: Rule = ask(
    "devices/remove-volume",
    "a volume, pool, array or snapshot with its data",
    "list it first, and take a snapshot or a backup",
);
static FIRMWARE: Rule = ask(
    "devices/write-firmware",
    "the device's software or data; it may not start again",
    "read it out and keep a copy first",
);
static ENCRYPTION: Rule = ask(
    "devices/erase-key",
    "the key, and so everything that it opens",
    "back up the header first: `cryptsetup luksHeaderBackup`",
);

pub(super) static TABLE: &[Row] = &[
    row("wipefs", "-a|--all|-f|--force|-o !-n|--no-act", &FORMAT),
    row("blkdiscard", "?", &FORMAT),
    row("hdparm", "--security-erase|--security-erase-enhanced|--trim-sector-ranges|--write-sector", &FORMAT),
    row("nvme", "format|sanitize|write|write-zeroes|delete-ns|dsm", &FORMAT),
    row("badblocks", "-w|-n", &FORMAT),
    row("diskutil", "erase*|zeroDisk|secureErase|randomDisk|reformat|partitionDisk|eraseVolume", &FORMAT),
    row("diskutil", "apfs|ap|cs|coreStorage|appleRAID delete*|erase*", &FORMAT),
    row("diskpart|format.com", "", &PARTITION),
    row("format-volume|clear-disk|initialize-disk|remove-partition", "", &FORMAT),
    row("sgdisk", "-Z|-z|-o|-d|-n|--zap-all|--zap|--clear|--delete|-g", &PARTITION),
    row("parted", "** rm|mklabel|mktable|mkpart|resizepart|mkfs", &PARTITION),
    row("sfdisk", "? !-l|--list|-d|--dump|-J|--json|-V|--verify|-s|-F", &PARTITION),
    row("fdisk|gdisk|cfdisk|cgdisk", "? !-l|--list|-x|-s", &PARTITION),
    row("partprobe-", "", &PARTITION),
    row("cryptsetup", "luksFormat|erase|luksErase|luksKillSlot|luksRemoveKey|reencrypt|format", &ENCRYPTION),
    row("lvremove|vgremove|pvremove|lvreduce|vgreduce", "?", &VOLUME),
    row("mdadm", "--zero-superblock|--stop|-S|--remove|-r|--fail|-f", &VOLUME),
    row("zpool", "destroy|labelclear|remove|detach|offline|export", &VOLUME),
    row("zfs", "destroy !-n", &VOLUME),
    row("zfs", "rollback|unmount", &VOLUME),
    row("btrfs", "subvolume|sub delete", &VOLUME),
    row("btrfs", "device|filesystem|fi remove|delete|resize", &VOLUME),
    row("dmsetup", "remove|remove_all|wipe_table", &VOLUME),
    row("multipath", "-F|-f", &VOLUME),
    row("iscsiadm", "-o", &VOLUME),
    row("ceph", "** rm|remove|purge|delete|destroy|zap", &VOLUME),
    row("rbd|rados", "** rm|remove|purge|cleanup", &VOLUME),
    row("gluster", "volume delete|stop|remove-brick|reset", &VOLUME),
    row("hdiutil", "erase*|compact-", &VOLUME),
    row("mkswap|mke2fs|newfs|newfs_hfs|newfs_apfs|newfs_msdos|mkntfs|mkdosfs|mkreiserfs", "?", &FORMAT),
    row("resize2fs|xfs_growfs-|ntfsresize", "?", &PARTITION),
    row("xfs_repair", "-L", &VOLUME),
    row("debugfs", "-w", &VOLUME),
    row("format", "*:", &FORMAT),
    row("bootctl", "remove", &FIRMWARE),
    row("flashrom", "-w|--write|-E|--erase", &FIRMWARE),
    row("fastboot", "-w", &FIRMWARE),
    row("fastboot", "erase|flash|format*|oem|flashing|-w|update|flashall", &FIRMWARE),
    row("esptool|esptool.py", "** erase_flash|erase_region|erase-flash|erase-region", &FIRMWARE),
    row("avrdude", "-e", &FIRMWARE),
    row("st-flash", "erase|write", &FIRMWARE),
    row("openocd|dfu-util", "-D|--download", &FIRMWARE),
    row("efibootmgr", "-B|--delete-bootnum|-b", &FIRMWARE),
    row("grub-install|lilo|bcdedit|bootrec", "?", &FIRMWARE),
    row("adb", "** uninstall|wipe|sideload", &FIRMWARE),
    row("heimdall", "flash", &FIRMWARE),
    row("ipmitool", "** off|reset|cycle|clear", &FIRMWARE),
];

pub(super) fn find(call: &Call, context: &Context) -> Option<Found> {
    if let Some(found) = written_disk(call, context) {
        return Some(found);
    }
    if call.program.starts_with("mkfs") {
        return formatted(call, context);
    }
    let found = call.in_table(TABLE)?;
    // A file of the project's that holds an image is no disk.
    let last = call.operands().last();
    let is_image =
        last.is_some_and(|word| super::filesystem::is_expendable(word, call.simple, context.scene));
    // (`newfs disk2` is one.)
    let is_path = last.is_some_and(|word| word.text.contains(['/', '.'])) || call.is("mkswap|mke2fs");
    (!(is_image && is_path && std::ptr::eq(found.rule, &raw const FORMAT))).then_some(found)
}

fn disk(word: &Word, call: &Call, context: &Context) -> Option<String> {
    match place::of(word, call.simple, context.scene) {
        Place::Disk(path) => Some(path),
        _ => None,
    }
}

/// Anything that puts bytes on a disk: `dd of=`, `> /dev/sda`, `cp image /dev/sda`, `tee`, `shred`.
fn written_disk(call: &Call, context: &Context) -> Option<Found> {
    for redirect in &call.simple.redirects {
        if redirect.kind != RedirectKind::Write && redirect.kind != RedirectKind::Append {
            continue;
        }
        if let Some(path) = disk(&redirect.target, call, context) {
            return Some(WRITE_DISK.on(path));
        }
    }
    match call.program.as_str() {
        "dd" | "dcfldd" | "dc3dd" | "ddrescue" | "pv" => {
            for word in call.simple.args() {
                if let Some(target) = word.text.strip_prefix("of=").or_else(|| word.text.strip_prefix("ofs="))
                {
                    let word = Word { text: target.to_owned(), ..word.clone() };
                    if let Some(path) = disk(&word, call, context) {
                        return Some(WRITE_DISK.on(path));
                    }
                }
            }
            if call.is("ddrescue") {
                return call
                    .operands()
                    .get(1)
                    .and_then(|word| disk(word, call, context))
                    .map(|path| WRITE_DISK.on(path));
            }
            None
        }
        "ntfsclone" | "fsarchiver" | "partclone.restore" | "partclone.dd" | "dd_rescue" => {
            let is_written =
                call.has("-O|--overwrite|-o") || call.is("dd_rescue") || call.operand(0) == "restfs";
            let target = call.operands().iter().find_map(|word| disk(word, call, context));
            target.filter(|_| is_written).map(|path| WRITE_DISK.on(path))
        }
        "cp" | "mv" | "tee" | "install" | "ln" => {
            let target = if call.is("tee") { call.operands().first() } else { call.operands().last() };
            target.and_then(|word| disk(word, call, context)).map(|path| WRITE_DISK.on(path))
        }
        "shred" | "wipe" | "scrub" | "truncate" => {
            call.operands().iter().find_map(|word| disk(word, call, context)).map(|path| WRITE_DISK.on(path))
        }
        _ => None,
    }
}

fn formatted(call: &Call, context: &Context) -> Option<Found> {
    if call.is_harmless() || call.has("-n|-N|-V") && call.operands().is_empty() {
        return None;
    }
    let target = call.operands().iter().find(|word| word.text.contains('/') || word.text.contains('.'))?;
    match place::of(target, call.simple, context.scene) {
        place if place.is_expendable() => None,
        place => Some(FORMAT.on(place.path(context.scene))),
    }
}
