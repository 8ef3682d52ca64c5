// What the page says, in English and Chinese.

const TEXTS = {
  en: {
    privacy: 'Flow logs are read in this browser. Nothing leaves it.',
    theme: 'Dark / light',
    dropTitle: 'Drop flow logs of Huawei Cloud, Alibaba Cloud, Baidu AI Cloud or AWS here',
    chooseFiles: 'Choose files', chooseFolder: 'Choose a folder', paste: 'Paste', samples: 'Samples', read: 'Read', close: 'Close',
    options: 'Options, for what is not detected',
    optionFrom: 'Product of every record', optionLayout: 'Columns of text lines', optionTimezone: 'Zone of times that name none', optionOwn: 'Own networks',
    reload: 'Read again', detect: 'detected', reading: 'Reading', cancel: 'Cancel',
    filter: 'Filter', undo: 'Undo', clear: 'Clear', completions: 'Fields and words',
    overTime: 'Over time, by action', measure: 'Measure', bytes: 'bytes', packets: 'packets', records: 'records', tops: 'Top values', networks: 'Networks', fromTo: 'from ↓ to →', own: 'own', private: 'private', internet: 'internet',
    src_ip: 'Sources', dst_ip: 'Destinations', dst_port: 'Destination ports', 'src_ip,dst_ip': 'Conversations', 'reject src_ip': 'Rejected sources', 'reject src_ip,dst_port': 'Rejected: source → port', transport: 'Protocols', host: 'Hosts', attack: 'Attacks', interface_id: 'Interfaces',
    exportAs: 'Export as', export: 'Export', copyCommand: 'Copy command', copyLink: 'Copy link', copied: 'Copied: ',
    record: 'Record', original: 'Original text', key: 'key', found: 'found', field: 'field', value: 'value', how: 'how it is read',
    product: 'Product', because: 'because', asSchema: 'As', none: 'none',
    headline: (s) => `${s.normalized} records of ${s.products}, ${s.rejected} rejected${s.filtered === '0' ? '' : `, ${s.filtered} filtered out`}`,
    noProducts: 'no known product',
    shown: (n, all) => `${n} of ${all} records`,
    rejectsTitle: (n) => `${n} records rejected, by reason`,
    leftOut: (n) => `${n} more records had no room in memory; the export has them.`,
    progress: (read, all, rate) => `${read} of ${all}, ${rate} records/s`,
    done: (records, time) => `${records} records in ${time} s`,
    cancelled: 'Cancelled; what had been read is shown.',
    exporting: 'Exporting', exported: (n) => `Exported ${n} records.`,
    noZip: 'is a zip archive inside another one; unpack that first',
    badZip: 'is damaged, or packed in a way that browsers do not know; unpack it first, or read it with `weir normalize`',
    zoomHint: 'Drag to zoom', exclude: 'Exclude', only: 'Only', noTimes: 'No record has a time.', nothing: 'Nothing meets the filter.',
    moreRejects: (n) => `${n} records; the first ones:`, line: 'line',
    notAlone: 'This text can only be read together with what stands around it in its file.',
    readFault: 'could not be read',
  },
  zh: {
    privacy: '流日志只在本浏览器中解析，任何数据都不会离开。',
    theme: '深色 / 浅色',
    dropTitle: '将华为云、阿里云、百度智能云或 AWS 的流日志拖放到此处',
    chooseFiles: '选择文件', chooseFolder: '选择文件夹', paste: '粘贴', samples: '示例', read: '读取', close: '关闭',
    options: '选项（用于无法自动识别的内容）',
    optionFrom: '所有记录的产品', optionLayout: '文本行的列', optionTimezone: '未注明时区的时间所用时区', optionOwn: '自有网段',
    reload: '重新读取', detect: '自动识别', reading: '正在读取', cancel: '取消',
    filter: '过滤', undo: '撤销', clear: '清除', completions: '字段和关键字',
    overTime: '随时间的变化（按动作）', measure: '度量', bytes: '字节', packets: '包', records: '记录', tops: '排名', networks: '网络', fromTo: '源 ↓ 目的 →', own: '自有', private: '私网', internet: '公网',
    src_ip: '源地址', dst_ip: '目的地址', dst_port: '目的端口', 'src_ip,dst_ip': '会话', 'reject src_ip': '被拒绝的源地址', 'reject src_ip,dst_port': '被拒绝：源地址 → 端口', transport: '协议', host: '主机', attack: '攻击', interface_id: '网卡',
    exportAs: '导出格式', export: '导出', copyCommand: '复制命令', copyLink: '复制链接', copied: '已复制：',
    record: '记录', original: '原文', key: '键', found: '原值', field: '字段', value: '值', how: '读取方式',
    product: '产品', because: '依据', asSchema: '格式', none: '无',
    headline: (s) => `${s.normalized} 条记录（${s.products}），${s.rejected} 条被拒绝${s.filtered === '0' ? '' : `，${s.filtered} 条被过滤`}`,
    noProducts: '未知产品',
    shown: (n, all) => `${n} / ${all} 条记录`,
    rejectsTitle: (n) => `${n} 条记录被拒绝（按原因）`,
    leftOut: (n) => `另有 ${n} 条记录超出内存，导出时包含它们。`,
    progress: (read, all, rate) => `${read} / ${all}，每秒 ${rate} 条`,
    done: (records, time) => `${records} 条记录，用时 ${time} 秒`,
    cancelled: '已取消，显示已读取的部分。',
    exporting: '正在导出', exported: (n) => `已导出 ${n} 条记录。`,
    noZip: '是另一个压缩包中的 zip 压缩包，请先解压外层',
    badZip: '已损坏，或使用了浏览器不支持的压缩方式；请先解压，或使用 `weir normalize` 读取',
    zoomHint: '拖动以缩放', exclude: '排除', only: '仅保留', noTimes: '没有带时间的记录。', nothing: '没有符合过滤条件的记录。',
    moreRejects: (n) => `${n} 条记录，前几条：`, line: '行',
    notAlone: '这段文本只能与文件中的上下文一起读取。',
    readFault: '无法读取',
  },
};

let language = (localStorage.getItem('language') ?? navigator.language).startsWith('zh') ? 'zh' : 'en';

export function text(key, ...values) {
  const found = TEXTS[language][key] ?? key;
  return typeof found === 'function' ? found(...values) : found;
}

export const number = (n) => Number(n).toLocaleString(language === 'zh' ? 'zh-CN' : 'en');

/** Puts the texts where the document asks for them. */
export function translate() {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  for (const node of document.querySelectorAll('[data-text]')) node.textContent = text(node.dataset.text);
  for (const node of document.querySelectorAll('[data-label]')) node.setAttribute('aria-label', text(node.dataset.label));
  const other = document.getElementById('language');
  other.textContent = language === 'zh' ? 'English' : '中文';
  other.lang = language === 'zh' ? 'en' : 'zh';
}

export function switchLanguage() {
  language = language === 'zh' ? 'en' : 'zh';
  localStorage.setItem('language', language);
  translate();
}
