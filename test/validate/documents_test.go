package validate

// whole has a document that validates for each schema, by its name.
var whole = map[string]string{
	"capability": `<capabilities>
  <host>
    <cpu><arch>x86_64</arch></cpu>
  </host>
  <guest>
    <os_type>hvm</os_type>
    <arch name='x86_64'>
      <wordsize>64</wordsize>
      <emulator>/usr/bin/qemu-system-x86_64</emulator>
      <domain type='qemu'/>
    </arch>
  </guest>
</capabilities>
`,
	"cpu": `<cpu mode='custom' match='exact'>
  <model fallback='allow'>qemu64</model>
  <feature policy='require' name='lahf_lm'/>
</cpu>
`,
	"domain": `<domain type='qemu'>
  <name>web01</name>
  <uuid>01234567-89ab-cdef-0123-456789abcdef</uuid>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/srv/web01.raw'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='network'>
      <source network='default'/>
      <model type='virtio'/>
    </interface>
  </devices>
</domain>
`,
	"domainbackup": `<domainbackup mode='push'>
  <disks>
    <disk name='vda' type='file'>
      <target file='/srv/backup/web01.raw'/>
      <driver type='raw'/>
    </disk>
  </disks>
</domainbackup>
`,
	"domaincaps": `<domainCapabilities>
  <path>/usr/bin/qemu-system-x86_64</path>
  <domain>qemu</domain>
  <machine>pc-i440fx-7.2</machine>
  <arch>x86_64</arch>
</domainCapabilities>
`,
	"domaincheckpoint": `<domaincheckpoint>
  <name>monday</name>
  <description>before the upgrade</description>
  <disks>
    <disk name='vda' checkpoint='bitmap'/>
  </disks>
</domaincheckpoint>
`,
	"domainsnapshot": `<domainsnapshot>
  <name>monday</name>
  <description>before the upgrade</description>
  <state>running</state>
  <memory snapshot='no'/>
  <disks>
    <disk name='vda' snapshot='internal'/>
  </disks>
</domainsnapshot>
`,
	"interface": `<interface type='ethernet' name='eth0'>
  <start mode='onboot'/>
  <mac address='52:54:00:12:34:56'/>
  <protocol family='ipv4'>
    <dhcp/>
  </protocol>
</interface>
`,
	"network": `<network>
  <name>default</name>
  <bridge name='virbr0'/>
  <forward mode='nat'/>
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='192.168.122.2' end='192.168.122.254'/>
    </dhcp>
  </ip>
</network>
`,
	"networkport": `<networkport>
  <uuid>01234567-89ab-cdef-0123-456789abcdef</uuid>
  <owner>
    <name>web01</name>
    <uuid>fedcba98-7654-3210-fedc-ba9876543210</uuid>
  </owner>
  <mac address='52:54:00:12:34:56'/>
</networkport>
`,
	"nodedev": `<device>
  <name>net_eth0_52_54_00_12_34_56</name>
  <parent>computer</parent>
  <capability type='net'>
    <interface>eth0</interface>
    <address>52:54:00:12:34:56</address>
    <capability type='80203'/>
  </capability>
</device>
`,
	"nwfilter": `<filter name='no-arp' chain='arp'>
  <uuid>01234567-89ab-cdef-0123-456789abcdef</uuid>
  <rule action='drop' direction='inout' priority='500'>
    <arp opcode='Request'/>
  </rule>
</filter>
`,
	"nwfilterbinding": `<filterbinding>
  <owner>
    <name>web01</name>
    <uuid>01234567-89ab-cdef-0123-456789abcdef</uuid>
  </owner>
  <portdev name='vnet0'/>
  <mac address='52:54:00:12:34:56'/>
  <filterref filter='clean-traffic'/>
</filterbinding>
`,
	"secret": `<secret ephemeral='no' private='yes'>
  <description>passphrase of web01</description>
  <usage type='volume'>
    <volume>/srv/web01.raw</volume>
  </usage>
</secret>
`,
	"storagepool": `<pool type='dir'>
  <name>images</name>
  <target>
    <path>/srv/images</path>
  </target>
</pool>
`,
	"storagepoolcaps": `<storagepoolCapabilities>
  <pool type='dir' supported='yes'>
    <volOptions>
      <defaultFormat type='raw'/>
      <enum name='targetFormatType'>
        <value>raw</value>
      </enum>
    </volOptions>
  </pool>
</storagepoolCapabilities>
`,
	"storagevol": `<volume>
  <name>web01.raw</name>
  <capacity unit='bytes'>1048576</capacity>
  <target>
    <path>/srv/images/web01.raw</path>
    <format type='raw'/>
  </target>
</volume>
`,
}
