//! What identifies a machine, what does not, and what a binding tells.

use super::*;

fn source(kind: SourceKind, value: &str) -> Source {
    Source::new(kind, value).unwrap_or_else(|| panic!("{value} identifies"))
}

const ID_A: &str = "3d1219c7c4c5404aaa1f6d2a48adfda4";
const ID_B: &str = "b08dfa6083e7567a1921a715000001fb";

fn machine(disk: &str, mac: &str, id: &str) -> Vec<Source> {
    vec![source(SourceKind::MachineId, id), source(SourceKind::Mac, mac), source(SourceKind::Disk, disk)]
}

fn workstation() -> Vec<Source> {
    machine("eui.0025385b71b05b1f", "a4:bb:6d:11:22:33", ID_A)
}

#[test]
fn blanks_and_inventions_identify_nothing() {
    use SourceKind::{BoardSerial, Disk, Mac, MachineId, PlatformUuid};
    let denied = [
        (PlatformUuid, "00000000-0000-0000-0000-000000000000"),
        (PlatformUuid, "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"),
        (PlatformUuid, "03000200-0400-0500-0006-000700080009"),
        (PlatformUuid, "not a uuid"),
        (BoardSerial, "To be filled by O.E.M."),
        (BoardSerial, "TO BE FILLED BY O.E.M.\n"),
        (BoardSerial, "Default string"),
        (BoardSerial, "  Not   Specified "),
        (BoardSerial, "0000000000000000\0"),
        (BoardSerial, "XXXXXXXX"),
        (BoardSerial, ""),
        (Disk, ""),
        (Disk, "eui.0000000000000000"),
        (Disk, "t10.ATA     QEMU HARDDISK   QM00001"),
        (Disk, "naa.VBOX HARDDISK VB1234"),
        (Disk, "nvme.1d0f-766f6c3031-416d617a6f6e20456c617374696320426c6f636b2053746f7265-00000001"),
        (Disk, "serial-of-some-kind"),
        (Mac, "00:00:00:00:00:00"),
        (Mac, "ff:ff:ff:ff:ff:ff"),
        (Mac, "52:54:00:12:34:56"),
        (Mac, "02:42:ac:11:00:02"),
        (Mac, "08:00:27:aa:bb:cc"),
        (Mac, "00:50:56:aa:bb:cc"),
        (Mac, "01:00:5e:00:00:01"),
        (Mac, "a4:bb:6d:11:22"),
        (MachineId, "uninitialized"),
        (MachineId, "00000000000000000000000000000000"),
        (MachineId, ""),
    ];
    for (kind, value) in denied {
        assert_eq!(Source::new(kind, value), None, "{kind:?} {value:?}");
    }
    for device in
        ["loop0", "ram1", "zram0", "dm-0", "md127", "vda", "xvda", "sr0", "nbd0", "fd0", "nvme", "sd"]
    {
        assert!(!is_disk(device), "{device}");
    }
    for device in ["sda", "sdaa", "hda", "nvme0n1", "nvme12n1"] {
        assert!(is_disk(device), "{device}");
    }
}

#[test]
fn spelling_and_order_do_not_matter() {
    let mut turned = workstation();
    turned.reverse();
    turned.push(source(SourceKind::Mac, " A4:BB:6D:11:22:33\n"));
    assert_eq!(identify(&turned, b""), identify(&workstation(), b"another"));
}

#[test]
fn the_strongest_sources_decide_alone() {
    let identity = identify(&workstation(), b"");
    assert_eq!((identity.tier, identity.tier.survives_reinstall()), (Tier::Hardware, true));
    assert_eq!(identity.used, [SourceKind::Disk, SourceKind::Mac]);
    let reinstalled = machine("eui.0025385b71b05b1f", "a4:bb:6d:11:22:33", ID_B);
    assert_eq!(identify(&reinstalled, b"").host, identity.host);

    let only_id = identify(&[source(SourceKind::MachineId, ID_A)], b"x");
    assert_eq!((only_id.tier, only_id.tier.survives_reinstall()), (Tier::Install, false));
    assert_eq!(only_id, identify(&[source(SourceKind::MachineId, ID_A)], b"y"));

    let board = [source(SourceKind::BoardSerial, "10000000abcdef01")];
    let with_disk: Vec<Source> = board.iter().cloned().chain(workstation()).collect();
    assert_eq!(identify(&with_disk, b"").host, identify(&board, b"").host);

    let (x, y) = (identify(&[], b"x"), identify(&[], b"y"));
    assert_eq!(x.tier, Tier::Random);
    assert_ne!(x.host, y.host);
    assert!(HostId::parse(x.host.as_str()).is_some());
}

/// Frozen: every machine that was enrolled keeps its id under a later cs.
#[test]
fn the_host_id_of_a_machine_is_the_published_one() {
    assert_eq!(identify(&workstation(), b"").host.as_str(), "cs-16cd80aaf2c478a5");
}

#[test]
fn a_binding_tells_the_machine_from_others() {
    let binding = Binding::new(identify(&workstation(), b""), &workstation(), [1; 16]);
    let compare = |disk, mac, id| binding.compare(&machine(disk, mac, id));
    let (disk, mac) = ("eui.0025385b71b05b1f", "a4:bb:6d:11:22:33");
    let (other_disk, other_mac) = ("naa.5002538e40b5f8c1", "a4:bb:6d:99:99:99");
    assert_eq!(compare(disk, mac, ID_A), Standing::Same);
    assert_eq!(compare(other_disk, mac, ID_A), Standing::Same);
    assert_eq!(compare(disk, other_mac, ID_A), Standing::Same);
    assert_eq!(compare(disk, mac, ID_B), Standing::Reinstalled);
    assert_eq!(compare(other_disk, mac, ID_B), Standing::Reinstalled);
    assert_eq!(compare(other_disk, other_mac, ID_A), Standing::Copied);
    assert_eq!(compare(other_disk, other_mac, ID_B), Standing::Copied);
    let bare = [source(SourceKind::MachineId, ID_A)];
    assert_eq!(binding.compare(&bare), Standing::Unverifiable);
    assert_eq!(Binding::new(identify(&bare, b""), &bare, [1; 16]).compare(&bare), Standing::Unverifiable);
}

#[test]
fn a_binding_holds_nothing_to_look_up() {
    let text = Binding::new(identify(&workstation(), b""), &workstation(), [1; 16]).to_text();
    for source in workstation() {
        assert!(!text.contains(source.value()), "{text}");
    }
    let again = Binding::parse(text.as_bytes()).expect("whole");
    assert_eq!(again.to_text(), text);
    assert!(again.is_current(&workstation()) && !again.is_current(&workstation()[1..]));
    let renewed = again.renewed(&workstation()[1..], [2; 16]);
    assert_eq!((&renewed.host, renewed.tier), (&again.host, again.tier));
    assert!(renewed.is_current(&workstation()[1..]));
    assert_eq!(Binding::parse(b"{\"format\": 2}"), Err(BindingError::Newer(2)));
    assert_eq!(Binding::parse(&text.as_bytes()[..40]), Err(BindingError::Damaged));
}

#[test]
fn an_index_name_hangs_on_secret_machine_and_name() {
    let name = index_name(&[1; 32], ID_A, "tux");
    assert_eq!(name, index_name(&[1; 32], &format!("{ID_A}\n"), "tux"));
    assert_eq!(name.len(), 16);
    for other in [
        index_name(&[2; 32], ID_A, "tux"),
        index_name(&[1; 32], ID_B, "tux"),
        index_name(&[1; 32], ID_A, "tuz"),
    ] {
        assert_ne!(name, other);
    }
}

#[test]
fn a_host_id_is_safe_as_a_file_name() {
    for bad in [
        "",
        "cs-",
        "cs-0123456789ABCDEF",
        "cs-0123456789abcde",
        "../0123456789abcdef",
        "cs-0123456789abcdef/",
    ] {
        assert_eq!(HostId::parse(bad), None, "{bad}");
    }
}
